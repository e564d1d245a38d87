import type { Failure } from "../../errors.ts";
import { withDeadline } from "../../net/deadline.ts";
import { makeEnding } from "../../net/ending.ts";
import { makeTurns } from "../../net/turns.ts";
import type { Capabilities } from "./capabilities.ts";
import { deadlines } from "./deadline.ts";
import type { Dialog } from "./dialog.ts";
import { closed } from "./failures.ts";

/** What is left of an answer that nobody wants any more, octets: beyond that a new connection is cheaper. */
const maxLeft = 8 * 1024 * 1024;

/** An open maildrop (RFC 1939 §5): what every command of this room uses. */
export type Session = {
  readonly dialog: Dialog;
  readonly capabilities: Capabilities;
  /**
   * Whether the server gives headers without bodies (TOP): settled on the first message where CAPA does not tell; where it does,
   * once TOP has given something, or nothing at all.
   */
  top: "unknown" | "announced" | "yes" | "no";
  /** Runs when no other work does, first come, first served. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Waits for its turn; the caller gives it back, once. */
  takeTurn: () => Promise<() => void>;
  /** Settles when no turn is taken or waited for any more; null when none is. */
  readonly unfinished: Promise<unknown> | null;
  /**
   * Ends a turn of which the server still has to say what `left` brings: reads it in the background as long as that is little
   * and comes soon, else the connection goes.
   */
  abandon: (left: AsyncIterable<Uint8Array>, giveBack: () => void) => void;
  /** QUIT (RFC 1939 §6) where the session is free, then closes. Never throws. */
  close(): Promise<void>;
};

/** A session on a dialog that has logged in. */
export function makeSession(dialog: Dialog, capabilities: Capabilities): Session {
  const death = makeEnding();
  const turns = makeTurns(death);
  dialog.idle();

  function kill(why: Failure): void {
    dialog.kill(why);
    death.end();
  }

  async function takeTurn(): Promise<() => void> {
    const giveBack = await turns.take();
    let isBack = false;
    const giveBackIdle = (): void => {
      if (isBack) return;
      isBack = true;
      dialog.idle();
      giveBack();
    };
    if (!dialog.dead) return giveBackIdle;
    giveBackIdle();
    throw dialog.dead;
  }

  return {
    dialog,
    capabilities,
    top: capabilities.has("TOP") ? "announced" : capabilities.told ? "no" : "unknown",
    takeTurn,
    async inTurn(work) {
      const giveBack = await takeTurn();
      return work().finally(giveBack);
    },
    get unfinished() {
      return turns.unfinished;
    },
    abandon(left, giveBack) {
      const tooMuch = (): void => kill(closed(dialog.host));
      const readOff = async (): Promise<void> => {
        let octets = 0;
        for await (const piece of left) {
          octets += piece.length;
          if (octets > maxLeft) return tooMuch();
        }
      };
      withDeadline(dialog.clock, deadlines.leave, readOff(), tooMuch)
        .catch(() => {})
        .finally(giveBack);
    },
    async close() {
      if (turns.unfinished === null && !dialog.dead) {
        const giveBack = await turns.take();
        const farewell = dialog.ask("QUIT", "QUIT");
        await withDeadline(dialog.clock, deadlines.leave, farewell, () => kill(closed(dialog.host))).catch(() => {});
        giveBack();
      }
      kill(closed(dialog.host));
    },
  };
}
