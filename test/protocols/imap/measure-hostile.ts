import type { Mailbox } from "../../../src/mail/mailbox.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { Failure } from "../../../src/errors.ts";
import { scriptedTarget } from "./scripted-imap.ts";
import { collect } from "../failure-of.ts";

/**
 * Run as a process of its own: `measure-hostile.ts PORT CALL` opens a session on the scripted server there, makes one call, and
 * prints how that ended and by how many octets the process grew at its largest.
 */
const [port = "", call = ""] = process.argv.slice(2);
const place = { path: "INBOX", uidValidity: 7, uid: 12 };
const calls: Record<string, (mailbox: Mailbox) => Promise<unknown>> = {
  open: async () => {},
  status: (mailbox) => mailbox.status("Other"),
  folders: (mailbox) => mailbox.folders(),
  list: (mailbox) => mailbox.list("INBOX", { limit: 50, after: null }),
  search: (mailbox) =>
    mailbox.search(
      "INBOX",
      { limit: 50, after: null },
      { expression: { op: "flagged" }, count: false, until: Date.now() + 20_000 },
    ),
  raw: async (mailbox) => collect((await mailbox.openRaw(place)).stream),
  get: (mailbox) => mailbox.get(place, { headers: true, bodies: true }),
  remove: (mailbox) => mailbox.remove([place]),
  locate: (mailbox) => mailbox.locate("INBOX", [{ kind: "guid", value: "g" }]),
};
const before = process.memoryUsage().rss;
const startedAt = performance.now();
const outcome = await openImap(scriptedTarget({ port: Number(port) }))
  .then((mailbox) => calls[call]?.(mailbox) ?? Promise.reject(new Error(`no such call: ${call}`)))
  .then(
    () => "ok",
    (error: unknown) => (error instanceof Failure ? error.code : String(error)),
  );
const grown = process.resourceUsage().maxRSS * 1024 - before;
console.log(JSON.stringify({ outcome, grown, milliseconds: Math.round(performance.now() - startedAt) }));
process.exit();
