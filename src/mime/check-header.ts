/** Why an input is refused; the caller adds the pointer and makes it a 422. */
export type Reason = { code: string; detail: string };

/** RFC 5322 §2.1.1: octets of a line without its CRLF. */
const maxLine = 998;

/** What a sender may set: nothing that says who, when or what a message is, or how it is built. */
const allowed = new Set([
  "archived-at",
  "auto-submitted",
  "autocrypt",
  "comments",
  "disposition-notification-to",
  "expires",
  "feedback-id",
  "importance",
  "keywords",
  "organization",
  "precedence",
  "priority",
  "return-receipt-to",
  "sensitivity",
  "thread-index",
  "thread-topic",
  "user-agent",
]);

/** Whether a caller's own header field may go into a message. Null when it may, else why not. */
export function headerPolicy(name: string, value: string): Reason | null {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,75}$/.test(name))
    return { code: "header-name-invalid", detail: "A header name has 1 to 76 letters, digits, - and _." };
  if (!isAllowed(name.toLowerCase()))
    return { code: "header-not-allowed", detail: "This header can't be set; X-* and List-* can, and a few others." };
  if (value.trim() === "") return { code: "header-empty", detail: "A header has a value." };
  return checkHeaderText(value, maxLine - `${name}: `.length);
}

/** Whether a text may stand in a header: a subject, a display name, a file name. Null when it may, else why not. */
export function checkHeaderText(text: string, maxOctets = maxLine): Reason | null {
  if (hasControl(text)) return { code: "control-character", detail: "The text holds no line breaks or controls." };
  if (Buffer.byteLength(text) > maxOctets)
    return { code: "too-long", detail: `The text has at most ${maxOctets} octets.` };
  return null;
}

const token = "[\\w!#$%&'*+.^`{|}~-]+";
const mediaType = new RegExp(`^${token}/${token}([ \\t]*;[ \\t]*${token}=(${token}|"[^"\\\\]*"))*$`);

/** Whether a media type (RFC 2045 §5.1), parameters and all, may be an attachment's. Null when it may, else why not. */
export function checkContentType(text: string): Reason | null {
  if (text.length > 255 || hasControl(text) || !mediaType.test(text))
    return { code: "content-type-invalid", detail: "A content type has the form type/subtype, with parameters." };
  if (/^multipart\//i.test(text) || (/^message\//i.test(text) && !/^message\/rfc822($|[ \t;])/i.test(text)))
    return { code: "content-type-invalid", detail: "An attachment is a file or a message/rfc822, no multipart." };
  return null;
}

/** Whether a text may be a Content-ID without its angle brackets (RFC 2392). Null when it may, else why not. */
export function checkContentId(text: string): Reason | null {
  if (/^[!-;=?-~]{1,250}$/.test(text)) return null;
  return { code: "content-id-invalid", detail: "A content id has 1 to 250 visible ASCII characters, no < or >." };
}

/** C0, DEL, C1, line and paragraph separators, and lone surrogates: nothing of it belongs on a protocol line. */
export function hasControl(text: string): boolean {
  return !text.isWellFormed() || /[\p{Cc}\u2028\u2029]/u.test(text);
}

function isAllowed(name: string): boolean {
  return name.startsWith("x-") || name.startsWith("list-") || allowed.has(name);
}
