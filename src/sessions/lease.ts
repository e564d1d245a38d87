/** How a session is wanted. */
export type Wish = {
  /**
   * For a stream, which leaves room for others between its pieces: while only streams hold a session, it is lent to one more
   * borrower where there is no other.
   */
  stream?: boolean;
  /** Opened now rather than one that has lain idle: those are closed. */
  fresh?: boolean;
  /** Aborted when it is wanted no more: the wait ends at once, and what is opened for it already is for others. */
  signal?: AbortSignal;
};

/** A session on loan. Exactly one of the two ends the loan; a second call does nothing. */
export type Lease<S> = {
  session: S;
  /** True when the session was opened for this loan. */
  fresh: boolean;
  /** Gives it back for the next one; a dead session is closed instead. */
  release(): void;
  /** It is in an unknown state: nobody gets it any more, and it is closed when its last loan ends. */
  discard(): void;
};
