import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { modelServer } from "./model-server.ts";
import { watchedModel } from "./watched-model.ts";

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-moved-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** A message in the inbox, and what is told of it while another client moves it on in front of each look, then rests. */
async function movedAlong(condstore: boolean, moves: [from: string, to: string][], { byNews }: { byNews: boolean }) {
  const server = modelServer({ permanent: true, condstore });
  for (const path of ["INBOX", "Archive", "Work"]) {
    server.create(path);
    server.add(path);
  }
  const watch = await watchedModel(store, server);
  await watch.look();
  server.add("INBOX", "wanderer");
  await watch.look();
  const left = [...moves];
  const moveOn = (): void => {
    const [from = "", to = ""] = left.shift() ?? [];
    const at = [...(server.folders.get(from)?.messages.values() ?? [])].find(({ key }) => key === "wanderer");
    if (at !== undefined) server.move(from, at.uid, to);
  };
  moveOn();
  if (byNews) await watch.lookAtInbox({ flags: false });
  server.meanwhile = async () => {
    const next = left[0]?.[0];
    if (server.lookingAt === next) moveOn();
  };
  for (let rounds = 0; rounds < 6; rounds += 1) await watch.look();
  expect(left).toEqual([]);
  const events = (await watch.events()).filter(({ type }) => type.startsWith("message."));
  return events.map(({ type }) => type);
}

describe.each([{ condstore: true }, { condstore: false }])("CONDSTORE: $condstore", ({ condstore }) => {
  test("what is moved on from the folder that is looked at to one that was quiet is moved, not deleted", async () => {
    const moves: [string, string][] = [
      ["INBOX", "Archive"],
      ["Archive", "Work"],
    ];
    expect(await movedAlong(condstore, moves, { byNews: true })).toEqual(["message.created", "message.moved"]);
  });

  test("what is moved to and fro in front of each look is moved, not deleted", async () => {
    const moves: [string, string][] = [
      ["INBOX", "Archive"],
      ["Archive", "Work"],
      ["Work", "Archive"],
      ["Archive", "Work"],
    ];
    expect(await movedAlong(condstore, moves, { byNews: false })).toEqual(["message.created", "message.moved"]);
  });
});
