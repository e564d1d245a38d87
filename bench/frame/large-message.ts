import { randomBytes } from "node:crypto";

import type { Caller } from "./http.ts";

/** A message with an attachment of so many octets, in pieces. It is the same piece of noise over and over: it costs the decoder what any other costs. */
export function* largeMessage(size: number): Generator<Buffer> {
  const lineOctets = 57; // 76 characters
  const linesPerPiece = 20_000;
  const noise = randomBytes(lineOctets * linesPerPiece);
  yield Buffer.from(
    "From: Ada <ada@analytical.test>\nTo: me@postern.test\nSubject: A large one\nMIME-Version: 1.0\n" +
      'Content-Type: multipart/mixed; boundary="edge"\n\n--edge\nContent-Type: text/plain\n\nSee attachment.\n' +
      '--edge\nContent-Type: application/zip; name="large.zip"\nContent-Disposition: attachment; filename="large.zip"\n' +
      "Content-Transfer-Encoding: base64\n\n",
  );
  const encode = (bytes: Buffer): Buffer => Buffer.from(bytes.toString("base64").replace(/.{1,76}/g, "$&\n"));
  const piece = encode(noise);
  for (let left = size; left > 0; left -= noise.length) {
    yield left >= noise.length ? piece : encode(noise.subarray(0, left));
  }
  yield Buffer.from("--edge--\n");
}

/** Where the first attachment of the newest message of the account at `account` is. */
export async function attachmentPath(api: Caller, account: string): Promise<string> {
  const { data } = (await api.call("GET", `${account}/messages`)) as {
    data: { id: string; attachments: { id: string }[] }[];
  };
  return `${account}/messages/${data[0]?.id}/attachments/${data[0]?.attachments[0]?.id}`;
}
