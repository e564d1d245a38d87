const cr = 0x0d;
const lf = 0x0a;

/**
 * A message whose lines all end in CRLF (RFC 5322 §2.1): each bare LF becomes one. All else stays as it is, a bare CR too;
 * the same octets come back where there is nothing to do.
 */
export function toCrlf(message: Uint8Array): Uint8Array {
  let bare = 0;
  for (let at = 0; at < message.length; at++) if (message[at] === lf && message[at - 1] !== cr) bare++;
  if (bare === 0) return message;
  const whole = new Uint8Array(message.length + bare);
  let written = 0;
  for (let at = 0; at < message.length; at++) {
    const octet = message[at] ?? 0;
    if (octet === lf && message[at - 1] !== cr) whole[written++] = cr;
    whole[written++] = octet;
  }
  return whole;
}
