/** A server's words as they may be told: one line of printable text, at most `most` characters. */
export function oneLine(text: string, most = 500): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim()
    .slice(0, most)
    .toWellFormed();
}

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

/** Some servers echo the command that they refuse: words that hold the password, in any form it is sent in, are no words. */
export function withoutSecret(text: string, username: string, password: string): string {
  const escaped = password.replaceAll(/["\\]/g, "\\$&");
  const secrets = [password, escaped, base64(password), base64(`\0${username}\0${password}`)];
  const told = text.toLowerCase();
  return secrets.some((secret) => secret !== "" && told.includes(secret.toLowerCase())) ? "" : text;
}
