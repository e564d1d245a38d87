/**
 * A folder name's text from modified UTF-7 (RFC 3501 §5.1.3). A name that is not valid stays as it is: servers have names
 * in any form, and the raw one is the identity.
 */
export function decodeFolderName(raw: string): string {
  let isValid = true;
  const name = raw.replace(/&([^-]*)(-?)/g, (whole, encoded: string, end: string) => {
    if (end === "" || !/^[A-Za-z0-9+,]*$/.test(encoded)) isValid = false;
    if (!isValid) return whole;
    if (encoded === "") return "&";
    const octets = Buffer.from(encoded.replaceAll(",", "/"), "base64");
    if (octets.length < 2 || octets.length % 2 !== 0) isValid = false;
    let text = "";
    for (let i = 0; i + 1 < octets.length; i += 2) text += String.fromCharCode(octets.readUInt16BE(i));
    return text;
  });
  return isValid && name.isWellFormed() && !/\p{Cc}/u.test(name) ? name : raw;
}

/** A folder name in modified UTF-7 (RFC 3501 §5.1.3), as a level of a raw path. The name is well-formed Unicode. */
export function encodeFolderName(name: string): string {
  return name.replace(/&|[^\u0020-\u007e]+/g, (run) => {
    if (run === "&") return "&-";
    const base64 = Buffer.from(run, "utf16le").swap16().toString("base64");
    return `&${base64.replace(/=+$/, "").replaceAll("/", ",")}-`;
  });
}
