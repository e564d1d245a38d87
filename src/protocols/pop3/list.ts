import { demand, demandOf } from "./demand.ts";
import { brokeProtocol } from "./failures.ts";
import type { Session } from "./session.ts";

/** A scan listing (RFC 1939 §5); what may follow the size is the server's own. */
const scan = /^\s*(\d{1,10})\s+(\d{1,15})(?:\s|$)/;

/** LIST: the size of each message, octets, by its number in this session. Servers are known to count wrongly. */
export function list({ dialog, inTurn }: Session): Promise<Map<number, number>> {
  return inTurn(async () => {
    await demand(dialog, "LIST");
    const sizes = new Map<number, number>();
    await dialog.listing((line) => {
      const [, number, size] = scan.exec(line) ?? [];
      if (!Number(number) || sizes.has(Number(number))) return false;
      return sizes.set(Number(number), Number(size));
    });
    return sizes;
  });
}

/** LIST n: the size of one message, octets. `message-gone`. */
export function listOne({ dialog, inTurn }: Session, number: number): Promise<number> {
  return inTurn(async () => {
    const [, told, size] = scan.exec((await demandOf(dialog, "LIST", number)).text) ?? [];
    if (Number(told) === number) return Number(size);
    throw dialog.kill(brokeProtocol("The mail server told of another message than the one asked for.", dialog.where));
  });
}
