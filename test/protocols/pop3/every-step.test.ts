import { afterEach, expect, test } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { MaildropPlace } from "../../../src/mail/message.ts";
import { collect, failureOf } from "../failure-of.ts";
import { makeMaildropBench, makeMessages, page, placeOf } from "./maildrop-bench.ts";
import { type Answer, type Dialog, hurried } from "./scripted-pop3.ts";

const bench = makeMaildropBench();
afterEach(() => bench.end());

/** What a maildrop is asked for, one after the other; each step is asked at least once. */
async function useAll(open: () => Promise<Mailbox<MaildropPlace>>): Promise<void> {
  const mailbox = await open();
  await mailbox.list("INBOX", page);
  await collect((await mailbox.openRaw(placeOf("u1"))).stream);
  await mailbox.remove([placeOf("u1")]);
}

const steps = ["greeting", "CAPA", "UTF8", "AUTH", "STAT", "UIDL", "LIST", "TOP", "RETR", "DELE", "QUIT"];
const troubles: [name: string, answer: Answer, code: string, exceptions: Record<string, string | null>][] = [
  [
    "-ERR",
    "-ERR no\r\n",
    "refused-by-server",
    // Without CAPA and UTF8 it goes as well.
    { greeting: "upstream-unreachable", CAPA: null, UTF8: null, TOP: null, QUIT: "delete-unconfirmed" },
  ],
  [
    "-ERR [SYS/TEMP]",
    "-ERR [SYS/TEMP] no\r\n",
    "upstream-throttled",
    { CAPA: null, UTF8: null, QUIT: "delete-unconfirmed" },
  ],
  ["nothing", { after: "silence" }, "upstream-timeout", { QUIT: "delete-unconfirmed" }],
  ["half a line", { say: "+O", after: "silence" }, "upstream-timeout", { QUIT: "delete-unconfirmed" }],
  ["a cut", { after: "close" }, "upstream-unreachable", { QUIT: "delete-unconfirmed" }],
  ["a reset after half a line", { say: "+O", after: "reset" }, "upstream-unreachable", { QUIT: "delete-unconfirmed" }],
  ["no POP3", "* OK IMAP4rev1\r\n", "upstream-protocol-error", { QUIT: "delete-unconfirmed" }],
];

test.for(
  troubles.flatMap(([name, answer, code, exceptions]) =>
    steps.map((step) => ({ name, answer, step, code: step in exceptions ? exceptions[step] : code })),
  ),
)("$name at $step: $code", async ({ answer, step, code }) => {
  const clock = hurried(1000);
  const scripted = (): Answer => {
    // All that is answered has real time: on a busy machine it takes more than its thousandth.
    if (typeof answer === "object" && answer.after === "silence") clock.hurry();
    return answer;
  };
  const dialog: Dialog = { messages: makeMessages(2), answers: { [step]: scripted } };
  if (step === "UTF8") dialog.capa = ["USER", "SASL PLAIN", "TOP", "UIDL", "UTF8", "AUTH-RESP-CODE"];
  const { open } = await bench.serve(dialog);
  const using = useAll(() => open(clock.onTime));
  const outcome = code === null ? await using.then(() => null) : (await failureOf(using)).code;
  expect(outcome).toBe(code);
});
