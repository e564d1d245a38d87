import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, renameSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes one message with a random base64 attachment of `size` octets straight into a Maildir, without holding it in memory.
 * Gives the attachment's SHA-256.
 */
export async function deliverLarge(maildir: string, size: number): Promise<string> {
  const name = randomBytes(6).toString("hex");
  const file = createWriteStream(join(maildir, "tmp", name), { mode: 0o644 });
  const write = async (text: string): Promise<void> => {
    if (!file.write(text)) await once(file, "drain");
  };
  await write(
    "From: a@postern.test\r\nTo: b@postern.test\r\nSubject: large\r\nMIME-Version: 1.0\r\n" +
      'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee attached\r\n--b\r\n' +
      'Content-Type: application/octet-stream; name="large.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n',
  );
  const hash = createHash("sha256");
  const block = 57 * 18_396;
  for (let left = size; left > 0; left -= block) {
    const bytes = randomBytes(Math.min(block, left));
    hash.update(bytes);
    await write(bytes.toString("base64").replaceAll(/.{76}/g, "$&\r\n").trimEnd().concat("\r\n"));
  }
  await write("--b--\r\n");
  file.end();
  await once(file, "close");
  renameSync(join(maildir, "tmp", name), join(maildir, "new", `1700000000.${name}.test`));
  return hash.digest("hex");
}
