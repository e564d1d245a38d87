import type { Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { Mailbox } from "../../../src/mail/mailbox.ts";
import type { ImapPlace } from "../../../src/mail/message.ts";
import { type OpenImap, openImap } from "../../../src/protocols/imap/open-imap.ts";
import {
  type Dialog,
  fetchResponse,
  type Script,
  type ScriptedImap,
  scriptedTarget,
  startScripted,
} from "./scripted-imap.ts";

/** Over which line, by whose clock, and under which name the server is reached. */
export type Reach = { security?: "starttls" | "none"; host?: string } & Partial<Pick<OpenImap, "clock" | "log">>;

/** A scripted server that stops with the test, and what opens a session on it. */
export async function startDialog(dialog: Dialog, reach: Reach = {}): Promise<{ server: ScriptedImap; how: OpenImap }> {
  const { security, host, ...more } = reach;
  const server = await startScripted(dialog);
  onTestFinished(() => server.stop());
  const how = { ...scriptedTarget(server, security), ...more };
  return { server, how: host === undefined ? how : { ...how, login: { ...how.login, host } } };
}

/** A session on a scripted server; both end with the test. */
export async function openDialog(
  dialog: Dialog,
  reach: Reach = {},
): Promise<{ mailbox: Mailbox<ImapPlace>; server: ScriptedImap }> {
  const { server, how } = await startDialog(dialog, reach);
  const mailbox = await openImap(how);
  onTestFinished(() => mailbox.close());
  return { mailbox, server };
}

/** Answers the commands that match, each time with the next reply; the last one stays. The tag stands for `<tag>`. */
export function answers(...rules: [command: RegExp, ...replies: string[]][]): Script {
  const turns = new Map<RegExp, number>();
  return (command, tag) => {
    const rule = rules.find(([pattern]) => pattern.test(command));
    if (!rule) return undefined;
    const [pattern, ...replies] = rule;
    const turn = turns.get(pattern) ?? 0;
    turns.set(pattern, turn + 1);
    return replies[Math.min(turn, replies.length - 1)]?.replaceAll("<tag>", tag);
  };
}

/** Answers a command that matches by writing one thing again and again, until the other side has had enough. */
export function floods(command: RegExp, octets: string): Script {
  return (line, _tag, socket) => {
    if (!command.test(line)) return undefined;
    flood(socket, Buffer.from(octets, "latin1"));
    return "";
  };
}

export function flood(socket: Socket, octets: Buffer): void {
  const pump = (): void => {
    while (!socket.destroyed && socket.writable) if (!socket.write(octets)) return;
  };
  socket.on("drain", pump);
  pump();
}

/** FETCH responses of the messages with UIDs 11, 12 and 13, as every folder has them unless the dialog says otherwise. */
export const three = [fetchResponse(1, 11), fetchResponse(2, 12), fetchResponse(3, 13)].join("");

export const firstPage = { limit: 3, after: null };
export const place = { path: "INBOX", uidValidity: 7, uid: 12 };

/** Whether anything that tells the password, or the intent to, has come to the server. */
export function sentCredentials({ heard }: ScriptedImap): boolean {
  const secrets = ["a-canary-password", Buffer.from("a-canary-password").toString("base64")];
  return heard.some((line) => /(LOGIN|AUTHENTICATE)\b/i.test(line) || secrets.some((secret) => line.includes(secret)));
}
