import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { startImapWithout } from "../servers/imap-without.ts";
import { startMailStack } from "../servers/mail-stack.ts";
import { fillMaildir } from "../servers/maildir.ts";
import { startPostern } from "../servers/postern.ts";
import { allMessages, caller, type Message, untilAllLooked, untilIdle, wholeLog } from "./call-postern.ts";
import { disturb, disturbByApi, type Watched } from "./disturb-mailbox.ts";
import { readEvents } from "./event-reader.ts";
import { accountOn } from "./start.ts";
import { asAnother } from "../servers/as-another.ts";
import type { Told } from "./watching.ts";

const stateOf = ({ folderIds, flags, keywords }: Pick<Message, "folderIds" | "flags" | "keywords">): string =>
  JSON.stringify([folderIds.toSorted(), Object.entries(flags).filter(([, is]) => is), keywords.toSorted()]);

/** What the log tells of an account's messages other than what its list says, or against the order of things. */
function contradictions(watched: Watched, log: Told[], list: Message[]): string[] {
  const { accountId, isPermanent, arrived, deleted, moves } = watched;
  const events = log.filter((event) => event.accountId === accountId && event.type.startsWith("message."));
  const byId = Map.groupBy(events, ({ data }) => data.id);
  const listed = new Map(list.map((message) => [message.id, message]));
  const wrong: string[] = [];
  const createdOf = new Map<string, number>();
  for (const [id, of] of byId) {
    const types = of.map(({ type }) => type.slice("message.".length));
    // What the app itself moved before anybody had looked begins with that.
    if (types[0] === "moved" && of[0]?.data.actor === "api") types[0] = "created";
    const subject = of[0]?.data.subject ?? id;
    const about = `${subject} ${id.slice(0, 20)} (${types.join(" ")})`;
    if (!arrived.has(subject)) {
      wrong.push(`${about}: was there before`);
      continue;
    }
    createdOf.set(subject, (createdOf.get(subject) ?? 0) + types.filter((type) => type === "created").length);
    if (types[0] !== "created" || types.lastIndexOf("created") > 0) wrong.push(`${about}: not created once and first`);
    const message = listed.get(id);
    const isOver = types.at(-1) === "deleted";
    if (types.slice(0, -1).includes("deleted")) wrong.push(`${about}: goes on after its end`);
    if (of.some(({ data }) => data.historical === true)) wrong.push(`${about}: historical`);
    if (message === undefined && !isOver) wrong.push(`${about}: gone, and not told`);
    if (message !== undefined && isOver) wrong.push(`${about}: told as deleted, and there`);
    const last = of.at(-1)?.data;
    if (message === undefined || isOver || last?.flags === undefined) continue;
    const told = stateOf({ folderIds: last.folderIds, flags: last.flags, keywords: last.keywords ?? [] });
    if (told !== stateOf(message)) wrong.push(`${about}: last told ${told}, is ${stateOf(message)}`);
  }
  for (const subject of arrived) {
    const created = createdOf.get(subject) ?? 0;
    const most = isPermanent ? 1 : 1 + (moves.get(subject) ?? 0);
    const least = deleted.has(subject) ? 0 : 1;
    if (created < least || created > most) wrong.push(`${subject}: created ${created} times`);
    if (!deleted.has(subject) && !list.some((message) => message.subject === subject)) wrong.push(`${subject}: lost`);
  }
  return wrong;
}

/**
 * Kills the whole of Postern so many times while mail arrives in watched accounts and other clients flag, move and delete. Then
 * the log has no gap and tells each message as created once, up to the state that it is in; a reader of the stream who
 * came back after every kill has been told the same, each event once. With `byApi` the app itself does so too. Gives how many events there were.
 */
export async function killWhileWatching(rounds: number, { byApi } = { byApi: false }): Promise<number> {
  const stack = await startMailStack();
  const { host, ports } = stack.dovecot;
  const front = (lacking: Parameters<typeof startImapWithout>[0]) =>
    startImapWithout(lacking, { host, port: ports.imap }, stack.certificates.valid);
  const keyless = await front(["X-GUID"]);
  const poor = await front(["X-GUID", "MOVE", "UIDPLUS", "LIST-STATUS", "ESEARCH", "CONDSTORE", "QRESYNC"]);
  const postern = await startPostern();
  const call = caller(postern);
  const reader = await readEvents(postern);

  const kinds = [
    { isPermanent: true, tellsFlags: true, before: 0 },
    { isPermanent: true, tellsFlags: true, before: 30 },
    { isPermanent: false, tellsFlags: true, before: 5, imapsPort: keyless.port },
    { isPermanent: false, tellsFlags: false, before: 5, imapsPort: poor.port },
  ];
  const all: Watched[] = [];
  for (const { before, imapsPort, ...kind } of kinds) {
    const user = stack.dovecot.user();
    if (before > 0) fillMaildir(stack.dovecot.maildir(user), before, { to: user.username });
    await asAnother(stack.dovecot, user, (client) => client.mailboxCreate("Projects"));
    const account = accountOn(stack, user, imapsPort === undefined ? {} : { imapsPort });
    const { id } = await call<{ id: string }>("POST", "/v1/accounts", account);
    const path = `/v1/accounts/${id}`;
    all.push({ ...kind, user, path, accountId: id, arrived: new Set(), moves: new Map(), deleted: new Set() });
  }
  const paths = all.map(({ path }) => path);
  await untilIdle(call, paths);

  const over = new AbortController();
  const disturbing = all.flatMap((one) => [
    disturb(stack, one, over.signal),
    ...(byApi ? [disturbByApi(call, one, over.signal)] : []),
  ]);
  for (let round = 0; round < rounds; round += 1) {
    await sleep(50 + Math.random() * 550);
    await postern.kill9();
    await postern.restart();
  }
  over.abort();
  await Promise.all(disturbing);
  // What a kill cut off of a move or a removal of ours is waited for, for as long as it may be under way.
  if (byApi) await sleep(61_000);

  // A start looks at all folders; what was found gone in the first of these looks is given up in the second.
  for (let times = 0; times < 2; times += 1) {
    await postern.kill9();
    await postern.restart();
    await untilAllLooked(call, paths);
  }
  const wrong = async () => {
    const log = await wholeLog(call);
    const lists = await Promise.all(paths.map((path) => allMessages(call, path)));
    return all.flatMap((one, n) => contradictions(one, log, lists[n] ?? []));
  };
  await expect.poll(wrong, { timeout: 10_000, interval: 500 }).toEqual([]);
  const log = await wholeLog(call);
  expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, n) => n + 1));
  await expect.poll(() => reader.told.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(log.length);
  expect(reader.told.map(({ id }) => id)).toEqual(log.map(({ id }) => id));
  expect(reader.connections()).toBeGreaterThan(rounds / 2);

  await reader.stop();
  await postern.stop();
  for (const one of [keyless, poor]) await one.stop();
  await stack.stop();
  return log.length;
}
