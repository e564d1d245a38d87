/** The processes that share a database, and with it the accounts: each serves all of them, and watches some. */
export type Fleet = {
  /** How many are there, this one among them: at least 1. */
  live(): number;
};

/** Where one process has the database, or each account has a place of its own. */
export const alone: Fleet = { live: () => 1 };

/** This process's part of what a server, or an account, may have of something at once; at least one of it. */
export function partOf(fleet: Fleet, limit: number): number {
  return Math.max(1, Math.floor(limit / fleet.live()));
}

/** This process's part of a rate, of what may be begun in some time; below one where all are more than the rate. */
export function partOfRate(fleet: Fleet, rate: number): number {
  const live = fleet.live();
  return rate < live ? rate / live : Math.floor(rate / live);
}
