import type { Figure } from "./figure.ts";
import type { World } from "./world.ts";

/** One thing to measure. */
export type Case = {
  name: string;
  /** Measures, and throws when something did not do what it should. */
  run(world: World): Promise<Figure[]>;
};
