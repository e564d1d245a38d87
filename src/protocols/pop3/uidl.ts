import { demandOf } from "./demand.ts";
import { brokeProtocol, failure, isOfItsOwn, refusal } from "./failures.ts";
import type { Session } from "./session.ts";

/** RFC 1939 §7 promises 1 to 70 printable characters; whatever else a server puts there is its id all the same. */
const uniqueId = /^\s*(\d{1,10})[ \t]+(\S.*)$/;
const numberOnly = /^\s*(\d{1,10})[ \t]*$/;

/**
 * UIDL: the unique-id of each message by its number in this session; null where the server has no such command. A message
 * without an id is absent, and ids may stand twice: what a server sends is not what it should. `isExpected`: it has told
 * unique-ids before, so that it must not be taken for a server without them. Fails then, as `refused-by-server`.
 */
export function uidl(
  { dialog, inTurn, capabilities }: Session,
  isExpected = false,
): Promise<Map<number, string> | null> {
  return inTurn(async () => {
    const status = await dialog.ask("UIDL", "UIDL");
    if (!status.ok) {
      // RFC 1939 §7: optional. Only a server that announced it, or one with trouble of its own, has really refused.
      const isUnexplained = status.code === null && isOfItsOwn(status, dialog.where);
      if (capabilities.has("UIDL") || !isUnexplained) throw refusal(status, dialog.where);
      if (!isExpected) return null;
      throw failure(
        "refused-by-server",
        "The mail server does not tell its unique-ids any more.",
        dialog.where,
        status,
        {
          fix: "Ask again later. If the server has no UIDL any more, or the account was changed to one that has none, delete the account and store it anew: no id of its messages could hold.",
        },
      );
    }
    const ids = new Map<number, string>();
    await dialog.listing((line) => {
      const [, digits, id] = uniqueId.exec(line) ?? numberOnly.exec(line) ?? [];
      const number = Number(digits);
      if (!number || ids.has(number)) return false;
      return id === undefined || ids.set(number, id.trimEnd());
    });
    return ids;
  });
}

/** UIDL n: the unique-id of one message. `message-gone`. */
export function uidlOne({ dialog, inTurn }: Session, number: number): Promise<string> {
  return inTurn(async () => {
    const [, told, id] = uniqueId.exec((await demandOf(dialog, "UIDL", number)).text) ?? [];
    if (Number(told) === number && id !== undefined) return id.trimEnd();
    throw dialog.kill(brokeProtocol("The mail server told of another message than the one asked for.", dialog.where));
  });
}
