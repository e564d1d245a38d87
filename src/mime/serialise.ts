import * as base64 from "nodemailer/lib/base64";
import type MimeNode from "nodemailer/lib/mime-node";
import * as qp from "nodemailer/lib/qp";

/** Characters of a text that quoted-printable takes in one piece: longer ones are cut, and their lines may break elsewhere. */
export const maxSerialised = 64 * 1024;

/**
 * A tree whose contents are all at hand and no longer than `maxSerialised` octets each, as its `createReadStream` would tell it, octet for octet; without the
 * streams, which cost ten times as much as a short message itself. Contents are texts, or octets in base64.
 */
export function serialise(root: MimeNode): Buffer {
  const text = nodeText(root);
  return Buffer.from(text.endsWith("\n") ? text : `${text}\r\n`);
}

function nodeText(node: MimeNode): string {
  const encoding = node.getTransferEncoding();
  const header = `${node.buildHeaders()}\r\n\r\n`;
  const { boundary, content, childNodes } = node;
  if (typeof boundary === "string") {
    const parts = childNodes.map((child) => `--${boundary}\r\n${nodeText(child)}`);
    return `${header}${parts.join("\r\n")}\r\n--${boundary}--\r\n`;
  }
  if (typeof content !== "string" && !(content instanceof Uint8Array)) return header;
  if (encoding === "base64") return header + base64.wrap(base64.encode(content), 76);
  if (typeof content !== "string") throw new TypeError("Octets are told in base64.");
  return header + (encoding === "quoted-printable" ? quotedPrintable(content) : content);
}

/** White space at the end is encoded (RFC 2045 §6.7), and comes after the lines were broken. */
function quotedPrintable(text: string): string {
  const body = text.replace(/[ \t]+$/, "");
  const lines = qp.wrap(qp.encode(body), 76);
  if (body.length === text.length) return lines;
  const last = lines.lastIndexOf("\n") + 1;
  return lines.slice(0, last) + qp.wrap(lines.slice(last) + qp.encode(text.slice(body.length)), 76);
}
