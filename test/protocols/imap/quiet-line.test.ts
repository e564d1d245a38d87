import { expect, onTestFinished, test } from "vitest";
import type { Clock } from "../../../src/observe.ts";
import { reading, writing } from "../../../src/operations/with-mailbox.ts";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { createMailboxes } from "../../../src/sessions/lend-mailbox.ts";
import { createFakeClock } from "../../fake-clock.ts";
import { accountRow } from "../../store/rows.ts";
import { answers, firstPage, openDialog, place, startDialog, three } from "./dialog.ts";
import { failureOf, quiet } from "./session-on-dovecot.ts";

const rows = answers([/^FETCH/, `${three}<tag> OK\r\n`]);

/** Lends sessions on a server whose first connection goes silent when told so: the line is gone, and nobody was told. */
async function setup(clock: Clock) {
  const silent = new Set<unknown>();
  const sockets: unknown[] = [];
  const { how, server } = await startDialog(
    {
      meet: (socket) => void sockets.push(socket),
      script: (command, tag, socket) => (silent.has(socket) ? "" : rows(command, tag, socket)),
    },
    { clock },
  );
  const mailboxes = createMailboxes({
    open: () => openImap(how),
    forget() {},
    accounts: { setState: async () => true, setCapabilities: async () => {} },
    wake: { wake() {} },
    clock,
    log: quiet,
  });
  onTestFinished(() => mailboxes.close());
  return { needs: { mailboxes }, sockets, server, goSilent: () => void silent.add(sockets[0]) };
}

const account = accountRow();
const staying = new AbortController().signal;

test("a read on a line that went away while it lay quiet goes to another after 5 s", async () => {
  const clock = createFakeClock();
  const { needs, sockets, server, goSilent } = await setup(clock);
  const list = () => reading(needs, account, (mailbox) => mailbox.list("INBOX", firstPage), staying);
  expect((await list()).messages).toHaveLength(3);
  goSilent();
  await clock.advance(20_000);
  const heard = server.commands.length;
  const listed = list();
  await expect.poll(() => server.commands.length).toBeGreaterThan(heard);
  await clock.advance(4_900);
  expect(sockets).toHaveLength(1);
  await clock.advance(200);
  expect((await listed).messages).toHaveLength(3);
  expect(sockets).toHaveLength(2);
});

test("a write on such a line fails after 5 s, can be tried again, and was not sent", async () => {
  const clock = createFakeClock();
  const { needs, server, goSilent } = await setup(clock);
  await reading(needs, account, (mailbox) => mailbox.list("INBOX", firstPage), staying);
  goSilent();
  await clock.advance(20_000);
  const heard = server.commands.length;
  const change = { flags: { seen: true }, keywords: { add: [], remove: [] } };
  const failed = failureOf(writing(needs, account, (mailbox) => mailbox.setFlags([place], change), staying));
  await expect.poll(() => server.commands.length).toBeGreaterThan(heard);
  await clock.advance(5_000);
  expect(await failed).toMatchObject({ code: "upstream-unreachable" });
  expect(server.commands.slice(heard)).toEqual(["NOOP"]);
});

test("a command on a line that was quiet has its own time once the line is proven", async () => {
  const clock = createFakeClock();
  const { mailbox, server } = await openDialog({ script: answers([/^STATUS/, ""]) }, { clock });
  const before = server.commands.length;
  await clock.advance(20_000);
  const status = failureOf(mailbox.status("Sent"));
  await expect.poll(() => server.commands.slice(before).map((line) => line.split(" ")[0])).toEqual(["NOOP", "STATUS"]);
  await clock.advance(29_000);
  expect(mailbox.dead).toBe(false);
  await clock.advance(1_000);
  expect(await status).toMatchObject({ code: "upstream-timeout" });
});

test("a line that was not quiet is not asked", async () => {
  const clock = createFakeClock();
  const { mailbox, server } = await openDialog({}, { clock });
  const before = server.commands.length;
  await clock.advance(9_000);
  await mailbox.createFolder(null, "New").catch(() => {});
  expect(server.commands.slice(before)).not.toContain("NOOP");
});
