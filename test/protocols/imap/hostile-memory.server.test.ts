import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { answers, floods, startDialog } from "./dialog.ts";
import { fetchResponse, type Script } from "./scripted-imap.ts";

const run = promisify(execFile);

type Measured = { outcome: string; grown: number; milliseconds: number };

/** Makes one call in a process of its own, and tells how it ended and by how much the process grew. */
async function measure(call: string, script: Script): Promise<Measured> {
  const { server } = await startDialog({ script });
  const program = `${import.meta.dirname}/measure-hostile.ts`;
  const { stdout } = await run(process.execPath, [program, String(server.port), call], { timeout: 40_000 });
  return JSON.parse(stdout) as Measured;
}

const broken = "upstream-protocol-error";
const million = (each: string): string => each.repeat(1_000_000);
const numbers = (count: number): string => Array.from({ length: count }, (_, index) => index + 1).join(" ");
const list = '* LIST () "/" "x"\r\n'.repeat(1_000);

/** What the scripted server does, in which call, how that ends, and by how many MB the process may grow meanwhile. */
const attacks: [what: string, call: string, script: Script, outcome: string, most: number][] = [
  ["a huge literal", "raw", answers([/^UID FETCH/, "* 2 FETCH (UID 12 BODY[]<0> {2147483648}\r\n"]), broken, 64],
  ["an endless line", "status", floods(/^STATUS/, `* STATUS ${"x".repeat(65_536)}`), broken, 64],
  ["a million tokens", "status", answers([/^STATUS/, `* STATUS (${million("1 ")})\r\n`]), broken, 64],
  ["capabilities without end", "open", floods(/^CAPABILITY/, `* CAPABILITY ${"X ".repeat(30_000)}\r\n`), broken, 64],
  ["millions of numbers", "search", floods(/^UID SEARCH/, `* SEARCH ${numbers(400_000)}\r\n`), broken, 64],
  [
    "messages that were never there",
    "remove",
    answers([/^UID SEARCH/, `* SEARCH ${numbers(500_000)}\r\n<tag> OK\r\n`]),
    "delete-unconfirmed",
    128,
  ],
  [
    "literals as large as they may be, without end",
    "raw",
    floods(/^UID FETCH/, `* 2 FETCH (UID 12 BODY[]<0> {8000000}\r\n${"x".repeat(8_000_000)})\r\n`),
    broken,
    128,
  ],
  [
    "as many tokens as one response may have, again and again",
    "status",
    floods(/^STATUS/, `* STATUS "x" (${"1 ".repeat(190_000)})\r\n`),
    broken,
    224,
  ],
  ["folders without end", "folders", floods(/^LIST .*\*/, list), broken, 224],
  ["names of a megabyte", "folders", floods(/^LIST .*\*/, `* LIST () "/" "${million("x")}"\r\n`), broken, 224],
  ["a delimiter told without end", "open", floods(/^LIST/, list), broken, 224],
  ["statuses without end", "status", floods(/^STATUS/, '* STATUS "x" (MESSAGES 1)\r\n'.repeat(1_000)), broken, 224],
  ["words without end", "open", floods(/^SELECT/, "* OK x\r\n".repeat(9_000)), broken, 224],
  ["talk without end", "status", floods(/^STATUS/, "* OK x\r\n".repeat(9_000)), broken, 224],
  ["rows without end", "list", floods(/^FETCH/, "* 1 FETCH (UID 1)\r\n".repeat(1_000)), broken, 224],
  ["whole rows without end", "list", floods(/^FETCH/, fetchResponse(1, 11).repeat(300)), broken, 224],
  [
    "flags without end",
    "list",
    floods(/^FETCH/, `* 1 FETCH (UID 1 FLAGS (${"\\Seen ".repeat(60_000)}))\r\n`),
    broken,
    320,
  ],
];
for (const [what, call, script, expected, most] of attacks) {
  test(`${what}: ${expected} within ${most} MB`, { timeout: 60_000 }, async () => {
    const { outcome, grown, milliseconds } = await measure(call, script);
    expect(outcome).toBe(expected);
    expect(milliseconds).toBeLessThan(20_000);
    expect(grown).toBeLessThan(most * 1024 * 1024);
  });
}
