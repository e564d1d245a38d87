import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";

/** One step of the broom: bytes that no submission refers to, and intents that their moves left behind. */
export const sweep =
  (needs: { blobs: Pick<Store["blobs"], "sweep">; intents: Pick<Store["intents"], "sweep">; clock: Clock }) =>
  async (): Promise<void> => {
    const now = needs.clock.now();
    await needs.blobs.sweep(now);
    await needs.intents.sweep(now);
  };
