import { invalid } from "../errors.ts";
import type { Guard } from "../mail/server.ts";
import { targetOf } from "./receiver.ts";

const maxLength = 2_048;

const refusal = (code: string, detail: string) => invalid("/url", code, detail);

/**
 * The URL of a receiver as a caller wrote it, checked as far as that goes without a look-up. The host is looked at as it is
 * written, because a URL parser takes `127.1`, `0x7f.1` and `①②⑦.⓪.⓪.①` for 127.0.0.1; `href` of what comes back is what to keep.
 * Fails `validation-failed`, or `address-not-allowed` as the guard does, each with the pointer `/url`.
 */
export function checkUrl(guard: Pick<Guard, "check">, text: string): URL {
  const tooLong = refusal("too-long", `The URL is longer than ${maxLength.toLocaleString("en")} characters.`);
  if (text.length > maxLength) throw tooLong;
  const [, scheme, authority = ""] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i.exec(text) ?? [];
  if (scheme === undefined || !URL.canParse(text) || /[\s\p{Cc}\\]/u.test(text))
    throw refusal("invalid-url", "This is not an absolute URL.");
  if (!/^https?$/i.test(scheme))
    throw refusal("invalid-scheme", "Webhooks go to https, or to http where it is allowed.");
  if (authority.includes("@"))
    throw refusal("invalid-url", "The URL holds a user name; give an Authorization header in its place.");
  if (text.includes("#")) throw refusal("invalid-url", "The URL holds a fragment, which no receiver gets to see.");

  const url = new URL(text);
  if (url.href.length > maxLength) throw tooLong;
  const { protocol, server } = targetOf(url);
  guard.check({ protocol, server: { ...server, host: authority.replace(/:\d*$/, "") } });
  guard.check({ protocol, server });
  return url;
}
