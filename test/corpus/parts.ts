import { base64, binary, lines, part } from "./corpus.ts";

export const plain = (text: string) => part(["Content-Type: text/plain; charset=utf-8"], text);
export const html = (text: string) => part(["Content-Type: text/html; charset=utf-8"], text);
export const image = `\x89PNG${binary}`;
export const png = (...fields: string[]) =>
  part(["Content-Type: image/png", "Content-Transfer-Encoding: base64", ...fields], base64(image));
export const inner = lines("From: Carl <carl@example.com>", "Subject: inner", "", "inside");
export const attached = (type: string, name: string | null, ...fields: string[]) => [
  `Content-Type: ${type}`,
  `Content-Disposition: attachment${name === null ? "" : `; filename="${name}"`}`,
  ...fields,
];
