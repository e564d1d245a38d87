import type { SubmitterLimits } from "../../mail/submitter.ts";

/** What a session's EHLO announced, as far as it matters here. */
export type Extensions = {
  limits: SubmitterLimits;
  /** Whether MAIL FROM takes SIZE= (RFC 1870). */
  takesSize: boolean;
  /** RFC 2920. */
  pipelining: boolean;
  /** MAILMAX (RFC 9422): transactions in one session; null where not announced. */
  transactions: number | null;
};

/** Reads the answer to EHLO (RFC 5321 §4.1.1.1); that to HELO has no more than its first line. */
export function readExtensions(answer: string): Extensions {
  const lines = answer.split(/\r?\n/).slice(1);
  const said = new Map(
    lines.map((line) => {
      const [keyword = "", ...values] = line.slice(4).trim().toUpperCase().split(/\s+/);
      return [keyword, values] as const;
    }),
  );
  const limit = (name: string): number | null => {
    const found = said.get("LIMITS")?.find((value) => value.startsWith(`${name}=`));
    return positive(found?.slice(name.length + 1));
  };
  return {
    limits: {
      size: positive(said.get("SIZE")?.[0]),
      smtpUtf8: said.has("SMTPUTF8"),
      eightBitMime: said.has("8BITMIME"),
      recipients: limit("RCPTMAX"),
    },
    takesSize: said.has("SIZE"),
    pipelining: said.has("PIPELINING"),
    transactions: limit("MAILMAX"),
  };
}

function positive(digits: string | undefined): number | null {
  return digits !== undefined && /^0*[1-9]\d{0,15}$/.test(digits) ? Number(digits) : null;
}
