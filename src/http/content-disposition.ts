const token = /^[A-Za-z0-9!#$&+\-.^_`|~]$/;

/** Percent-encodes every octet that RFC 8187's attr-char does not hold. */
function extended(text: string): string {
  return [...new TextEncoder().encode(text)]
    .map((octet) => {
      const character = String.fromCharCode(octet);
      return octet < 0x80 && token.test(character)
        ? character
        : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

/** A name that no file system and no header takes for anything else: one path level, no controls, no bidi tricks. */
function safeName(filename: string): string {
  const name = filename
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "")
    .replaceAll(/[/\\:*?"<>|]/g, "_")
    .replace(/^[.\s]+/, "")
    .trim();
  const extension = /\.[^.]{1,16}$/.exec(name)?.[0] ?? "";
  const short = name.length > 200 ? name.slice(0, 150).toWellFormed() + extension : name;
  return short === "" ? "attachment" : short;
}

/**
 * A Content-Disposition `attachment` (RFC 6266) that saves under `filename`, which may be anything a stranger wrote:
 * an ASCII `filename`, and `filename*` (RFC 8187) where that does not say it all.
 */
export function attachmentDisposition(filename: string | null): string {
  const name = safeName(filename ?? "");
  const ascii = name.replaceAll(/[^\x20-\x7e]/g, "_").replaceAll("%", "_");
  const plain = `attachment; filename="${ascii}"`;
  return ascii === name ? plain : `${plain}; filename*=UTF-8''${extended(name)}`;
}
