/** An account's mail server as the caller described it, with the secret in clear: lives in memory only. */
export type ServerAddress = {
  host: string;
  port: number;
  /** `starttls` fails closed; `none` only where the operator allows it. */
  security: "tls" | "starttls" | "none";
  tls: { ca: string | null; servername: string | null };
};

export type ServerLogin = ServerAddress & { username: string; password: string };

export type MailProtocol = "imap" | "pop3" | "smtp";

/** What webhooks are posted by. */
export type WebProtocol = "https" | "http";

/** Whom to connect to, and what is to be spoken there. */
export type Target = { protocol: MailProtocol | WebProtocol; server: ServerAddress };

/** A target that passed the outgoing guard: connect to `address`, and verify the certificate by `servername`. */
export type Admitted = {
  /** The checked IP literal; the host name itself where the runtime can't pin (Workers). */
  address: string;
  port: number;
  /** Name for SNI and certificate verification; null for an IP literal without an override. */
  servername: string | null;
};

/** The one gate that every outgoing connection passes (DESIGN §7). Implemented by `net/`. */
export interface Guard {
  /**
   * What can be told without a look-up: port, host, literal address, security, and whether the runtime can verify as asked.
   * Fails `address-not-allowed` or `unsupported-by-runtime` with a pointer relative to the server's object, or `/url` for https
   * and http.
   */
  check(target: Target): void;
  /** Checks, resolves once and checks every address. Fails as `check`, or `dns-not-found`, `upstream-timeout`. */
  admit(target: Target): Promise<Admitted>;
}
