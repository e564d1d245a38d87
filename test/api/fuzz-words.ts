import type { MailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import { makeMessage } from "../servers/messages.ts";
import type { RunningPostern } from "../servers/postern.ts";
import type { Endpoint, Receiver } from "../servers/receiver.ts";
import type { Call } from "./call-postern.ts";
import type { RequestNeeds } from "./fuzz-requests.ts";
import type { Things } from "./fuzz-things.ts";
import type { Random } from "./openapi-random.ts";
import { accountOn, maildropOn } from "./start.ts";

/** Stands in what is sent and stored, and must stand in no log. */
export const mailWord = "quagga";

/** Begins whatever is made up as a secret. */
const secretWord = "hush-";

export type Around = Record<string, string>;

export type Made = {
  stack: MailStack;
  receiver: Receiver;
  endpoint: Endpoint;
  /** By the app's key, and by the operator's. */
  call: Call;
  operate: Call;
  things: Things;
  postern: RunningPostern;
  users: User[];
};

export const days = (count: number): string => new Date(Date.now() + count * 86_400_000).toISOString();

export const withMailWord = (user: User): Buffer =>
  Buffer.concat([Buffer.from(`X-Word: ${mailWord}\n`), makeMessage(900, user.username).raw]);

/** What members and parameters of these names mean here, and bodies that are good here. A new route needs none of it to be asked, but may to succeed. */
export function wordsOf({ stack, receiver, endpoint, users, things }: Made): Pick<RequestNeeds, "words" | "bodies"> {
  const [ann = users[0], bob] = users;
  const { ports } = stack.dovecot;
  let nth = 0;
  const fresh = (random: Random): string => `${secretWord}${(nth += 1)}-${Math.floor(random.next() * 1e9)}`;
  const rawMail = (random: Random): Buffer[] => [
    makeMessage(random.below(500), ann?.username ?? "").raw,
    withMailWord(users[0] ?? stack.dovecot.user()),
    Buffer.from("Subject: hello\r\n\r\nhello\r\n"),
    Buffer.from("From: <<>>\nDate: yesterday\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\0\xff", "latin1"),
    Buffer.from("no header at all"),
    Buffer.alloc(0),
  ];
  const idsOf = (prefix: string, accountId = ""): string[] =>
    things.withPrefix(prefix).flatMap(({ id, within }) => (within["accountId"] === accountId ? [id] : []));
  const addresses = [ann?.username, bob?.username, "bounce-1@postern.test", "someone@elsewhere.test"];
  const lists: Record<string, (random: Random, around: Around) => unknown[]> = {
    email: () => addresses,
    to: () => addresses,
    from: () => [ann?.username, "ada", "grace"],
    host: () => ["localhost", "localhost", "localhost", "127.0.0.1", "10.0.0.1", "imap.nowhere.test"],
    port: () => [ports.imaps, ports.pop3s, stack.postfix.ports.smtps, 1],
    security: () => ["tls", "tls", "tls", "starttls"],
    username: () => [ann?.username, bob?.username],
    password: (random) => [ann?.password, fresh(random)],
    secret: (random) => [`whsec_${Buffer.from(fresh(random).padEnd(32, "x")).toString("base64")}`],
    ca: () => [stack.dovecot.ca],
    verify: () => [false, false, false, true],
    url: () => [
      endpoint.url,
      `${receiver.url}/stray`,
      "https://127.0.0.1:1/x",
      "https://10.1.2.3/",
      "https://hook.nowhere.test/",
    ],
    subject: () => [mailWord, "report", "Größe"],
    text: () => [mailWord, mailWord, "two\nlines"],
    ids: (_, { accountId }) => idsOf("msg", accountId),
    html: () => [`<p>${mailWord}</p><script>alert(1)</script>`],
    q: () => ['from:ada subject:"report"', "is:unread OR has:attachment", "-in:spam after:2024-01-01", mailWord],
    content: () => ["aGVsbG8=", Buffer.alloc(2000, "x").toString("base64")],
    contentType: () => ["text/plain", "image/png", "message/rfc822"],
    contentId: () => ["one@postern.test"],
    filename: () => ["invoice.pdf", "größe.txt"],
    folder: (_, { accountId }) => ["inbox", "inbox", "sent", "trash", ...idsOf("fld", accountId)],
    flags: () => ["seen,flagged", "draft"],
    keywords: () => ["$Forwarded", "work,home"],
    name: () => ["Ada", "Größe", "X-Custom", "List-Id", `folder ${(nth += 1)}`],
    sendAt: () => [days(1), days(200), days(-1)],
    deliverBefore: () => [days(2), days(20)],
    expiresAt: () => [days(1)],
    undoSeconds: () => [1, 60, 3600],
    // From the past on, an account announces all that it has.
    notifySince: () => [days(0)],
    Prefer: () => ["wait=0", "wait=1", "respond-async", "return=minimal"],
    "Idempotency-Key": (random) => [`key-${(nth += 1)}-${random.below(1e9)}`],
    "message/rfc822": rawMail,
    "*/*": (random) => [Buffer.from("hello"), Buffer.alloc(0), Buffer.alloc(100_000, "x"), ...rawMail(random)],
  };
  const account = (random: Random): object => {
    const user = random.pick(users);
    const given = random.pick([accountOn, maildropOn])(stack, user);
    return { ...given, verify: random.chance(0.3), watch: { mode: random.pick(["off", "off", "poll", "push"]) } };
  };
  return {
    words: (name, _, around, random) => lists[name]?.(random, around) ?? [],
    bodies: {
      "accounts.create": account,
      "accounts.update": (random) =>
        random.pick<object>([{ name: "Changed" }, { metadata: { a: "b" } }, account(random)]),
      "apps.keys.create": () => ({ name: "a key", scopes: ["messages:read"] }),
      "folders.create": () => ({ name: `Folder ${(nth += 1)}` }),
      "folders.update": () => ({ name: `Renamed ${(nth += 1)}` }),
      "messages.update": () => ({ flags: { seen: true } }),
      "messages.batch": (random, { accountId }) => {
        const ids = idsOf("msg", accountId);
        const some = Array.from({ length: ids.length === 0 ? 0 : 1 + random.below(5) }, () => random.pick(ids));
        const seen = { flags: { seen: random.chance(0.5) } };
        const action = random.pick<object>([seen, seen, { keywords: { add: ["work"] } }, { delete: "trash" }]);
        return { ...(some.length > 0 ? { ids: some } : { search: { folder: "inbox" } }), action };
      },
      "submissions.create": (random) => ({
        to: [{ name: "Bob", email: random.pick(addresses) }],
        subject: mailWord,
        text: mailWord,
      }),
      "submissions.update": () => ({ sendAt: days(3) }),
      "webhooks.create": (random) => ({ url: endpoint.url, enabled: random.chance(0.5) }),
      "webhooks.update": () => ({ types: ["message.created"] }),
    },
  };
}

/** A made-up secret in a text. */
export const madeSecret = new RegExp(String.raw`${secretWord}\d+-\d+|whsec_aHVza[\w+/=]+`);
