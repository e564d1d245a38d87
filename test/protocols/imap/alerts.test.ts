import type { Socket } from "node:net";
import { expect, test } from "vitest";
import type { Log } from "../../../src/observe.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { failureOf } from "../failure-of.ts";
import { answers, openDialog, startDialog } from "./dialog.ts";

test("a server's alerts are heard wherever they come, and given out once", async () => {
  const { mailbox } = await openDialog({
    greeting: "* OK [ALERT] from the greeting\r\n",
    script: answers(
      [/^LOGIN/, "<tag> OK [alert] with the login\r\n"],
      [/^STATUS/, "* NO [ALERT] untagged no\r\n* BAD [ALERT] untagged bad\r\n<tag> NO [ALERT] tagged no\r\n"],
    ),
  });
  expect(mailbox.alerts()).toEqual(["from the greeting", "with the login"]);
  expect(mailbox.alerts()).toEqual([]);
  await failureOf(mailbox.status("Other"));
  expect(mailbox.alerts()).toEqual(["untagged no", "untagged bad", "tagged no"]);
  await failureOf(mailbox.status("Other"));
  expect(mailbox.alerts()).toEqual(["untagged no", "untagged bad", "tagged no"]);
});

test("only what is marked as an alert is one", async () => {
  const { mailbox } = await openDialog({
    greeting: "* OK [X-ALERT] hello\r\n",
    script: answers([
      /^STATUS/,
      "* OK says [ALERT] inside\r\n* OK [WEBALERT https://x.example/] no\r\n<tag> NO no\r\n",
    ]),
  });
  await failureOf(mailbox.status("Other"));
  expect(mailbox.alerts()).toEqual([]);
});

test("an alert with which the server leaves is heard although the session is dead", async () => {
  let line: Socket | undefined;
  const { mailbox } = await openDialog({ meet: (socket) => (line = socket) });
  line?.write("* BYE [ALERT] down for maintenance\r\n");
  await expect.poll(() => mailbox.dead).toBe(true);
  expect(mailbox.alerts()).toEqual(["down for maintenance"]);
});

test("an alert is one short line of whole characters, and never the password", async () => {
  const logged: unknown[] = [];
  const log: Log = { write: (...entry) => void logged.push(entry) };
  const said = [
    "a\u0001b\u007fc\td \u001b[31mred\u0085",
    `${"x".repeat(499)}😀 tail`,
    "your password A-Canary-Password is old",
    Buffer.from("\0someone\0a-canary-password").toString("base64"),
    "",
    "Grüße 🌍",
  ];
  const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
  const lines = said.map((text) => `* OK [ALERT] ${latin1(text)}\r\n`).join("");
  const { mailbox } = await openDialog({ script: answers([/^STATUS/, `${lines}<tag> NO no\r\n`]) }, { log });
  await failureOf(mailbox.status("Other"));
  expect(mailbox.alerts()).toEqual(["a b c d [31mred", `${"x".repeat(499)}\uFFFD`, "Grüße 🌍"]);
  expect(logged).toEqual([["warn", "imap.alert", { host: "localhost" }]]);
});

test("of a flood ten different ones are kept", async () => {
  const lines = Array.from({ length: 1_000 }, (_, at) => `* OK [ALERT] number ${at % 500}\r\n`).join("");
  const { mailbox } = await openDialog({ script: answers([/^STATUS/, `${lines}<tag> NO no\r\n`]) });
  await failureOf(mailbox.status("Other"));
  expect(mailbox.alerts()).toEqual(Array.from({ length: 10 }, (_, at) => `number ${at}`));
});

test("a login refused with an alert fails with its words", async () => {
  const { how } = await startDialog({ script: answers([/^LOGIN/, "<tag> NO [ALERT] Log in by browser first\r\n"]) });
  expect((await failureOf(openImap(how))).details.upstream).toMatchObject({
    responseCode: "ALERT",
    text: "Log in by browser first",
  });
});

test("what is said before STARTTLS is nobody's alert", async () => {
  const goodbye = { greeting: "* BYE [ALERT] call this number\r\n" };
  const bare = await startDialog(goodbye, { security: "starttls" });
  const { upstream } = (await failureOf(openImap(bare.how))).details;
  expect(upstream).toMatchObject({ text: "call this number" });
  expect(upstream).not.toHaveProperty("responseCode");
  const plain = await startDialog(goodbye);
  expect((await failureOf(openImap(plain.how))).details.upstream).toMatchObject({ responseCode: "ALERT" });
});
