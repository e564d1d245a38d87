/** What a socket's error code (ECONNREFUSED, EHOSTUNREACH, …) means to a person, one sentence; `who` is at the other end. */
export function whyUnreachable(code: string, who = "mail server"): string {
  if (code === "ECONNREFUSED") return `Nothing listens there: the connection to the ${who} was refused.`;
  if (/^(?:EHOST|ENET|EADDR)/.test(code)) return `There is no way to the ${who}'s address.`;
  if (code === "ECONNRESET") return `The ${who} reset the connection.`;
  return `The connection to the ${who} failed.`;
}
