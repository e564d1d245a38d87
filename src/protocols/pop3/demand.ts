import { messageNumber } from "./argument.ts";
import type { Dialog } from "./dialog.ts";
import { messageRefusal, refusal } from "./failures.ts";
import type { Status } from "./status.ts";

/** A command that must be answered with +OK. */
export async function demand(dialog: Dialog, command: "STAT" | "LIST" | "UIDL" | "NOOP"): Promise<Status> {
  const status = await dialog.ask(command, command);
  if (status.ok) return status;
  throw refusal(status, dialog.where);
}

/** A command about one message that must be answered with +OK; else `message-gone`, where the server says that. */
export async function demandOf(dialog: Dialog, command: "LIST" | "UIDL" | "RETR", number: number): Promise<Status> {
  const status = await dialog.ask(command, `${command} ${messageNumber(number)}`);
  if (status.ok) return status;
  throw messageRefusal(status, dialog.where);
}
