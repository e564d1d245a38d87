import { demand } from "./demand.ts";
import { brokeProtocol } from "./failures.ts";
import type { Session } from "./session.ts";

/** STAT (RFC 1939 §5): how many messages the maildrop holds, and their octets as the server counts them. */
export function stat({ dialog, inTurn }: Session): Promise<{ count: number; octets: number }> {
  return inTurn(async () => {
    const { text } = await demand(dialog, "STAT");
    const match = /^(\d{1,10})\s+(\d{1,15})(?:\s|$)/.exec(text);
    if (match === null) throw brokeProtocol("The mail server's answer can't be read.", dialog.where);
    return { count: Number(match[1]), octets: Number(match[2]) };
  });
}
