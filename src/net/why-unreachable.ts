/** What a socket's error code (ECONNREFUSED, EHOSTUNREACH, …) means to a person, one sentence. */
export function whyUnreachable(code: string): string {
  if (code === "ECONNREFUSED") return "Nothing listens there: the connection to the mail server was refused.";
  if (/^(?:EHOST|ENET|EADDR)/.test(code)) return "There is no way to the mail server's address.";
  if (code === "ECONNRESET") return "The mail server reset the connection.";
  return "The connection to the mail server failed.";
}
