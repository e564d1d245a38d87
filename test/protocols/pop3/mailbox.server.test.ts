import { expect, test } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { KeptMaildrop } from "../../../src/mail/maildrop.ts";
import type { ServerLogin } from "../../../src/mail/server.ts";
import { openMaildrop } from "../../../src/protocols/pop3/open-maildrop.ts";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { deliver, fillMaildir } from "../../servers/maildir.ts";
import type { User } from "../../servers/mailboxes.ts";
import { startPopa3d, whyNoPopa3d } from "../../servers/popa3d.ts";
import { type Pop3d, startMailutilsPop3d } from "../../servers/pop3d.ts";
import { provision } from "../../servers/provision.ts";
import { type Bench, type Environment, newest, page } from "../mailbox-bench.ts";
import { mailboxContract } from "../mailbox-contract.ts";
import { failureOf } from "../failure-of.ts";
import { keptInMemory } from "./kept-maildrop.ts";
import { target } from "./scripted-pop3.ts";

const seen = { flags: { seen: true }, keywords: { add: [], remove: [] } };

/** What no POP3 server can do. */
const protocol: Environment["lacks"] = {
  append: "POP3 stores no messages (capabilities.append)",
  folders: "POP3 has one folder (capabilities.folders)",
  "folder changes": "POP3 has one folder (capabilities.folders)",
  move: "POP3 has nowhere to move to (capabilities.move)",
  UIDs: "POP3 has unique-ids and no UIDs (capabilities.idStability)",
  "permanent keys": "POP3 gives no key that holds through a move (capabilities.idStability)",
  "structure in listings": "TOP tells a header and no structure, so hasAttachment is absent in listings",
  "lasting sessions":
    "a POP3 session sees the maildrop as it was at its login (RFC 1939 §4) and ends with a removal (§6)",
  "news of removals by others": "a POP3 session sees the maildrop as it was at its login (RFC 1939 §4)",
  "calls between the pieces of a stream": "POP3 gives a message as one answer, which holds the session (RFC 1939 §3)",
};

/** Opens maildrops of users of whom something is kept, from one session to the next. */
function opener(): (user: User, port: number, change: Partial<ServerLogin>) => Promise<Mailbox> {
  const kept = new Map<string, KeptMaildrop>();
  return async (user, port, change) => {
    const own = kept.get(user.username) ?? keptInMemory();
    kept.set(user.username, own);
    return openMaildrop({ ...target(port, { ...user, ...change }), kept: own, log: { write() {} } });
  };
}

function dovecotEnvironment(security: "tls" | "starttls"): Environment {
  let dovecot: Dovecot;
  const open = opener();
  return {
    name: security === "tls" ? "Dovecot over POP3S" : "Dovecot over POP3 with STLS",
    lacks: protocol,
    async start() {
      await provision(["dovecot"]);
      dovecot = await startDovecot();
    },
    stop: () => dovecot.stop(),
    user: async () => dovecot.user(),
    open: (user) =>
      open(user, security === "tls" ? dovecot.ports.pop3s : dovecot.ports.pop3, {
        security,
        tls: { ca: dovecot.ca, servername: null },
      }),
    path: (name) => name,
    deliver: async (user, raw) => deliver(dovecot.maildir(user), raw),
    fill: async (user, count) => fillMaildir(dovecot.maildir(user), count),
  };
}

function poorEnvironment<S extends Pop3d>(
  { name, lacks }: Pick<Environment, "name" | "lacks">,
  start: () => Promise<S>,
  change: (server: S) => Partial<ServerLogin>,
): Environment {
  let server: S;
  const open = opener();
  return {
    name,
    lacks: { ...protocol, ...lacks },
    async start() {
      server = await start();
    },
    stop: () => server.stop(),
    user: async () => server.user(),
    open: (user) => open(user, server.port, change(server)),
    path: (folder) => folder,
    deliver: (user, raw) => server.deliver(user, raw),
    fill: (user, count) => server.fill(user, count),
  };
}

mailboxContract(dovecotEnvironment("tls"));
mailboxContract(dovecotEnvironment("starttls"));

mailboxContract(
  poorEnvironment(
    {
      name: "GNU mailutils pop3d with STLS",
      lacks: {
        "sessions at once": "pop3d locks a maildrop while a session lasts (RFC 1939 §4)",
        "bytes as delivered": "pop3d writes X-UIDL into messages",
      },
    },
    () => startMailutilsPop3d(),
    ({ ca }) => ({ security: "starttls", tls: { ca, servername: null } }),
  ),
);

const noPopa3d = await whyNoPopa3d();
// oxlint-disable-next-line vitest/no-disabled-tests, vitest/expect-expect -- with its reason
if (noPopa3d !== null) test.skip(`popa3d — skipped: ${noPopa3d}`, () => {});
else
  mailboxContract(
    poorEnvironment(
      { name: "popa3d", lacks: { "bytes as delivered": "an mbox keeps >From quoting" } },
      startPopa3d,
      () => ({ security: "none" }),
    ),
    twins,
  );

/** popa3d hashes some header fields: equal messages have the same unique-id, which is then none. */
function twins({ it, open, user: freshUser, deliver: add, next }: Bench): void {
  it("tells messages with one unique-id apart, and removes only one that is like no other", [], async () => {
    const user = await freshUser();
    for (const body of ["one", "two", "more"]) await add(user, `Subject: twin\n\n${body}\n`);
    const first = await open(user);
    const { messages } = await first.list("INBOX", page);
    const keys = messages.map(({ place }) => "key" in place && place.key);
    expect(keys).toMatchObject(messages.map(() => ({ kind: "fingerprint" })));
    expect(new Set(keys.map((key) => key && key.value)).size).toBe(3);
    const [last, two] = messages;
    if (!last || !two) throw new Error("there is none");
    expect((await failureOf(first.remove([two.place]))).code).toBe("unsupported-by-server");
    expect((await failureOf(first.setFlags([two.place], seen))).code).toBe("unsupported-by-server");
    const mailbox = await next(first, user);
    expect(await mailbox.remove([last.place])).toEqual({ missing: [] });
    const after = await next(mailbox, user);
    expect((await after.list("INBOX", page)).messages).toEqual(messages.slice(1));
    expect((await newest(after)).place).not.toEqual(last.place);
  });
}
