import { createHash, randomUUID } from "node:crypto";

import type { MailStack } from "../servers/mail-stack.ts";
import { commonPassword, mailDomain } from "../servers/mailboxes.ts";
import { call, type Caller } from "./call.ts";
import { makePicture } from "./picture.ts";
import { conclude, cutIds, step } from "./print.ts";

/** What the story's answers hold of the things that it goes on with. */
interface Thing {
  id: string;
}
interface Page<T> {
  data: T[];
}
interface Message extends Thing {
  attachments: Thing[];
}
interface Folder extends Thing {
  role: string | null;
}

export interface Told {
  ann: Thing;
  ben: Thing;
}

/** Ann sends Ben a picture, and Ben does with it all that one does with mail. Gives their accounts. */
export async function tellStory(caller: Caller, stack: MailStack): Promise<Told> {
  const picture = makePicture();
  step("Store Ann's mailbox: Postern logs in over IMAPS and SMTPS first.");
  const ann = await storeAccount(caller, stack, "Ann Archer", { keep: ["id", "email", "name", "capabilities"] });
  step("Ben's in the same way.");
  const ben = await storeAccount(caller, stack, "Ben Bellows", { keep: ["id"], keepOfBody: ["email", "name"] });
  await send(caller, ann, picture);
  const message = await find(caller, ben);
  const path = `/v1/accounts/${ben.id}/messages/${message.id}`;
  await readAndFlag(caller, path);
  const attachment = `attachments/${message.attachments[0]?.id}`;
  step("Download the attachment: decoded and streamed as it comes from the server.");
  await download(caller, `${path}/${attachment}`, picture);
  await readByPop3(caller, stack, attachment, picture);
  await archive(caller, ben, message, path);
  await remove(caller, ben, message, path);
  return { ann, ben };
}

async function storeAccount(
  caller: Caller,
  stack: MailStack,
  name: string,
  show: { keep: string[]; keepOfBody?: string[] },
): Promise<Thing> {
  const email = `${name.slice(0, 3).toLowerCase()}@${mailDomain}`;
  const { json } = await call<Thing>(caller, {
    method: "POST",
    path: "/v1/accounts",
    body: {
      email,
      name,
      incoming: server("imap", stack, email),
      outgoing: server("smtp", stack, email),
    },
    expect: 201,
    ...show,
  });
  return json;
}

function server(protocol: "imap" | "pop3" | "smtp", { dovecot, postfix, certificates }: MailStack, username: string) {
  const port = { imap: dovecot.ports.imaps, pop3: dovecot.ports.pop3s, smtp: postfix.ports.smtps }[protocol];
  const auth = { type: "password", username, password: commonPassword };
  return { protocol, host: dovecot.host, port, security: "tls", auth, tls: { ca: certificates.ca } };
}

async function send(caller: Caller, ann: Thing, picture: Buffer): Promise<void> {
  step("Ann writes to Ben: Postern speaks SMTPS to her server, and we wait for it.");
  const { json } = await call<{ state: string }>(caller, {
    method: "POST",
    path: `/v1/accounts/${ann.id}/submissions`,
    headers: { "Idempotency-Key": randomUUID(), Prefer: "wait=20" },
    body: {
      to: [{ name: "Ben Bellows", email: `ben@${mailDomain}` }],
      subject: "The sun through the postern",
      text: "Hello Ben,\n\nlook what I saw from the small gate.\n\nAnn",
      html: "<p>Hello Ben,</p><p>look what I saw from the <b>small gate</b>.</p><p>Ann</p>",
      attachments: [{ filename: "sunset.png", contentType: "image/png", content: picture.toString("base64") }],
    },
    expect: 200,
    keep: ["id", "state", "messageId", "recipients", "attempts", "size"],
  });
  if (json.state !== "sent") throw new Error(`The mail to Ben is "${json.state}" where "sent" was due.`);
}

async function find(caller: Caller, ben: Thing): Promise<Message> {
  step("Her server brings it to Ben's: list his inbox over IMAPS until it is there.");
  const { json } = await call<Page<Message>>(caller, {
    method: "GET",
    path: `/v1/accounts/${ben.id}/messages?folder=inbox`,
    until: (page) => page.data.length > 0,
    expect: 200,
    keep: ["id", "subject", "from", "receivedAt", "size", "flags", "attachments"],
  });
  const [message] = json.data;
  if (message === undefined) throw new Error("Ben's inbox is empty.");
  return message;
}

async function readAndFlag(caller: Caller, path: string): Promise<void> {
  step("Fetch it: the texts are decoded, the attachment stays on the server.");
  await call(caller, {
    method: "GET",
    path,
    expect: 200,
    keep: ["id", "messageId", "from", "to", "date", "text", "html", "hasAttachment", "warnings"],
  });
  step("Mark it as read, star it and add a keyword: IMAP flags on the server.");
  await call(caller, {
    method: "PATCH",
    path,
    body: { flags: { seen: true, flagged: true }, keywords: { add: ["holiday"] } },
    expect: 200,
    keep: ["id", "flags", "keywords"],
  });
}

async function download(caller: Caller, path: string, picture: Buffer): Promise<void> {
  const { bytes } = await call(caller, { method: "GET", path, expect: 200 });
  const [sent, received] = [sha256(picture), sha256(bytes)];
  if (sent !== received) throw new Error(`The attachment was changed on its way: ${sent} went, ${received} came.`);
  conclude(`sha256 ${received}`, `identical to the ${picture.length.toLocaleString("en")} bytes that Ann sent`);
}

async function readByPop3(caller: Caller, stack: MailStack, attachment: string, picture: Buffer): Promise<void> {
  step("Ben's mailbox once more, over POP3S: the same routes, and what it can't do in its capabilities.");
  const email = `ben@${mailDomain}`;
  const { json: pop3 } = await call<Thing>(caller, {
    method: "POST",
    path: "/v1/accounts",
    body: { email, name: "Ben by POP3", incoming: server("pop3", stack, email) },
    expect: 201,
    keep: ["id", "capabilities"],
    keepOfBody: ["email", "name", "incoming"],
  });
  step("The same mail. Its id is made of POP3's UIDL; its flags are kept by Postern, so it is unread here.");
  const { json } = await call<Page<Message>>(caller, {
    method: "GET",
    path: `/v1/accounts/${pop3.id}/messages`,
    expect: 200,
    keep: ["id", "subject", "from", "receivedAt", "size", "flags"],
  });
  const path = `/v1/accounts/${pop3.id}/messages/${json.data[0]?.id}`;
  step("The attachment has the same id as by IMAP, and the same bytes, out of a single RETR.");
  await download(caller, `${path}/${attachment}`, picture);
  step("POP3 has no trash to delete it to: refused by name, with what to do instead.");
  await call(caller, { method: "DELETE", path, expect: 422 });
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

async function archive(caller: Caller, ben: Thing, message: Message, path: string): Promise<void> {
  step("Folders have roles, whatever a server calls them. Which one is the archive?");
  const { json } = await call<Page<Folder>>(caller, {
    method: "GET",
    path: `/v1/accounts/${ben.id}/folders`,
    expect: 200,
    keep: ["id", "name", "role"],
  });
  const folder = json.data.find(({ role }) => role === "archive");
  if (folder === undefined) throw new Error("Ben has no archive.");
  step("Move it there: on the server it gets a new number, here its id stays.");
  const moved = await call<Message>(caller, {
    method: "PATCH",
    path,
    body: { folderId: folder.id },
    expect: 200,
    keep: ["id", "folderIds", "flags", "keywords"],
  });
  if (moved.json.id !== message.id) throw new Error(`The id was ${message.id} and is now ${moved.json.id}.`);
  conclude(`still ${cutIds(message.id)}`);
}

async function remove(caller: Caller, ben: Thing, message: Message, path: string): Promise<void> {
  step("Delete it: it goes to the trash,");
  await call(caller, { method: "DELETE", path, expect: 204 });
  step("where it lies by the same id.");
  await call<Page<Thing>>(caller, {
    method: "GET",
    path: `/v1/accounts/${ben.id}/messages?folder=trash`,
    until: (page) => page.data.some(({ id }) => id === message.id),
    expect: 200,
    keep: ["id", "subject", "folderIds"],
  });
  step("Delete it for good: exactly this message and no other.");
  await call(caller, { method: "DELETE", path: `${path}?permanent=true`, expect: 204 });
  step("Ask for it once more: it is gone, told as a problem with a name (RFC 9457).");
  await call(caller, { method: "GET", path, expect: 410 });
}
