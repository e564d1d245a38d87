import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { good } from "../webhooks.ts";
import { accountsContract } from "./accounts.ts";
import { batchesContract } from "./batches.ts";
import { eventsContract } from "./events.ts";
import { foldersContract } from "./folders.ts";
import { keysContract } from "./keys.ts";
import { messagesContract } from "./messages.ts";
import { readingContract } from "./reading.ts";
import { searchingContract } from "./searching.ts";
import { sentMessagesContract } from "./sent-messages.ts";
import { type Kind, openStage, type Stage } from "./stage.ts";
import { submissionsContract } from "./submissions.ts";
import { threadsContract } from "./threads.ts";
import { webhooksContract } from "./webhooks.ts";

/** Method and path of all that the document names and nothing has been answered for by 2xx. */
async function unanswered({ call, target }: Stage): Promise<string[]> {
  const { paths } = await good(
    call<{ paths: Record<string, Record<string, { operationId?: string }>> }>("GET", "/openapi.json"),
  );
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, { operationId }]) =>
      operationId === undefined ? [] : [`${method.toUpperCase()} ${path}`],
    ),
  );
  const answered = [...target.answered];
  return routes.filter((route) => {
    const pattern = new RegExp(`^${route.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
    return !answered.some((one) => pattern.test(one));
  });
}

/** What every Postern does alike, whatever it runs on: what the API promises, seen from outside, on real mail servers. */
export function acceptance(kind: Kind): void {
  // oxlint-disable-next-line vitest/valid-title -- the file gives it
  describe(kind.name, () => {
    let opened: Stage | undefined;
    const stops: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      opened = await openStage(kind, (stop) => void stops.push(stop));
    }, 180_000);
    afterAll(async () => {
      for (const stop of stops.toReversed()) await stop();
    });

    const stage = (): Stage => {
      if (opened === undefined) throw new Error("The target does not run.");
      return opened;
    };
    // Many of them wait for the mail servers, or for a time: others go on meanwhile. The first ones wait longest.
    describe.concurrent("the API", { timeout: 120_000 }, () => {
      webhooksContract(stage);
      eventsContract(stage, kind.traits);
      submissionsContract(stage);
      sentMessagesContract(stage);
      accountsContract(stage, kind.traits);
      keysContract(stage);
      foldersContract(stage);
      messagesContract(stage);
      batchesContract(stage);
      readingContract(stage);
      threadsContract(stage);
      searchingContract(stage);
    });

    test("no route is left out by the tests above", async () => {
      expect(await unanswered(stage())).toEqual([]);
    });
  });
}
