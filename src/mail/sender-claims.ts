/** How a list is left, as its sender says. */
export type ListUnsubscribe = {
  /** `mailto:` URLs (RFC 6068), in the sender's order of preference. */
  mailto: string[];
  /** `https:` URLs. Plain http is left out: it tells everybody on the way who leaves. */
  https: string[];
  /**
   * Whether a POST of `List-Unsubscribe=One-Click` to the first of `https` leaves the list with nobody asked anything (RFC 8058 §3).
   * Only what the header says: that a DKIM signature covers both fields (§4) is for the caller to know.
   */
  oneClick: boolean;
};

/** One method's result (RFC 8601 §2.2). */
export type AuthenticationResult = {
  method: "spf" | "dkim" | "dmarc" | "arc";
  /** In lower case, such as pass, fail, softfail, neutral, none, temperror, permerror; other words may stand here (§2.7). */
  result: string;
  reason: string | null;
  /** What was looked at: `type` is smtp, header, body or policy (or another word), `name` such as mailfrom, d or from. */
  properties: { type: string; name: string; value: string }[];
};

/** What one host says that it has checked. */
export type AuthenticationResults = {
  /** In lower case; null where the field names none, as Microsoft's. */
  authservId: string | null;
  /** Empty where it says `none`, or nothing of these four methods. */
  results: AuthenticationResult[];
};
