import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { bytesOf, collect, sha256 } from "./helpers.ts";

export type Writer = {
  /** Resolves when it has opened its store; rejects with what it said when it ended before. */
  opened: Promise<void>;
  /** Kills it with SIGKILL, and gives the lines of what it had acknowledged. */
  kill9(): Promise<string[]>;
  /** How many it has acknowledged so far. */
  acknowledged(): number;
};

/** Starts `writer-process.ts` on a database. */
export function startWriterProcess(where: string): Writer {
  const script = fileURLToPath(new URL("./writer-process.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, where], { stdio: ["ignore", "pipe", "pipe"] });
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  opened.catch(() => undefined);
  let said = "";
  let complaints = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.startsWith("open\n")) resolve();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const ended = once(child, "close").then(() => reject(new Error(complaints)));
  // The last line may have been cut.
  const lines = () => said.split("\n").slice(1, -1);
  return {
    opened,
    acknowledged: () => lines().length,
    async kill9() {
      child.kill("SIGKILL");
      await ended;
      return lines();
    },
  };
}

/** Whether everything acknowledged is there, whole. */
export async function expectAll(store: Store, lines: string[]): Promise<void> {
  const expected = sha256(bytesOf(3000));
  for (const line of lines) {
    const [accountId = "", id = "", blobId = ""] = line.split(" ");
    expect(await store.submissions.get(accountId, id)).toMatchObject({ id, blobId, state: "queued" });
    expect((await collect(store.blobs.read(blobId))).sha256).toBe(expected);
  }
}
