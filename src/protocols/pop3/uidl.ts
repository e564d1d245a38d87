import { demandOf } from "./demand.ts";
import { brokeProtocol, refusal } from "./failures.ts";
import type { Session } from "./session.ts";

/** RFC 1939 §7 promises 1 to 70 printable characters; whatever else a server puts there is its id all the same. */
const uniqueId = /^\s*(\d{1,10})[ \t]+(\S.*)$/;
const numberOnly = /^\s*(\d{1,10})[ \t]*$/;

/**
 * UIDL: the unique-id of each message by its number in this session; null where the server has no such command. A message
 * without an id is absent, and ids may stand twice: what a server sends is not what it should.
 */
export function uidl({ dialog, inTurn, capabilities }: Session): Promise<Map<number, string> | null> {
  return inTurn(async () => {
    const status = await dialog.ask("UIDL", "UIDL");
    if (!status.ok) {
      const why = refusal(status, dialog.where);
      // RFC 1939 §7: optional. Only a server that announced it, or one with trouble of its own, has really refused.
      if (capabilities.has("UIDL") || why.code !== "refused-by-server") throw why;
      return null;
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
