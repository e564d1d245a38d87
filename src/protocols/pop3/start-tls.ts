import type { Capabilities } from "./capabilities.ts";
import type { Dialog } from "./dialog.ts";
import { tlsFailed } from "./failures.ts";

/** STLS (RFC 2595 §4). Fails, before anything of the login is said, when the server does not offer or do it. */
export async function startTls(dialog: Dialog, capabilities: Capabilities): Promise<void> {
  const where = { host: dialog.host, phase: "tls" };
  if (!capabilities.has("STLS")) throw tlsFailed("The mail server does not offer STLS.", where);
  const status = await dialog.ask("tls", "STLS");
  if (!status.ok) throw tlsFailed("The mail server did not start TLS when asked to.", where, status);
  await dialog.startTls();
}
