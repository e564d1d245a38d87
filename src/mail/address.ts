/** A mailbox of RFC 5322 §3.4; `name` is decoded text, "" when the header had none. */
export type Address = { name: string; email: string };
