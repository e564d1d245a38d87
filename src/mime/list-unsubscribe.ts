import type { ListUnsubscribe } from "../mail/sender-claims.ts";
import { type Header, headerValue } from "./headers.ts";

const maxUrls = 10;
const maxUrl = 4000;
const maxField = 64 * 1024;

/**
 * List-Unsubscribe (RFC 2369 §3.2) and List-Unsubscribe-Post (RFC 8058 §3.1); null where there is nothing to leave by. Of several fields the first
 * counts. Nothing is loaded or sent: the URLs are a stranger's.
 *
 * @param headers with encoded-words as they stand (`rawHeaders`)
 */
export function listUnsubscribe(headers: Header[]): ListUnsubscribe | null {
  const value = headerValue(headers, "list-unsubscribe")?.slice(0, maxField) ?? "";
  const bracketed = value.match(/<[^<>]+>/g)?.map((url) => url.slice(1, -1)) ?? [value.split(",")[0] ?? ""];
  const urls = bracketed.slice(0, maxUrls).flatMap((url) => checked(url) ?? []);
  const of = (protocol: string) => [
    ...new Set(urls.filter((url) => url.protocol === protocol).map(({ href }) => href)),
  ];
  const [mailto, https] = [of("mailto:"), of("https:")];
  if (mailto.length === 0 && https.length === 0) return null;
  const post = headerValue(headers, "list-unsubscribe-post")?.trim() ?? "";
  return { mailto, https, oneClick: https.length > 0 && /^List-Unsubscribe\s*=\s*One-Click$/i.test(post) };
}

/** RFC 2369 §2: white space that folding has put into a URL goes. */
function checked(text: string): URL | null {
  const url = text.replace(/\s+/g, "");
  return url.length > maxUrl ? null : URL.parse(url);
}
