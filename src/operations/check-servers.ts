import { X509Certificate } from "node:crypto";
import { Failure, invalid } from "../errors.ts";
import type { Guard } from "../mail/server.ts";
import type { AccountRow, ServerSettings } from "../store/rows.ts";

/**
 * Refuses what can be seen to be wrong before anything is stored or connected to: hosts, ports, security and CA of both
 * servers. Fails `address-not-allowed`, `unsupported-by-runtime` or `validation-failed` with a pointer into the account.
 */
export function checkServers(guard: Pick<Guard, "check">, account: Pick<AccountRow, "incoming" | "outgoing">): void {
  if (account.incoming !== null) checkServer(guard, "/incoming", account.incoming);
  if (account.outgoing !== null) checkServer(guard, "/outgoing", account.outgoing);
}

function checkServer(guard: Pick<Guard, "check">, pointer: string, server: ServerSettings): void {
  if (server.tls.ca !== null && !isCertificate(server.tls.ca))
    throw invalid(`${pointer}/tls/ca`, "not-pem", "`ca` is not a certificate in PEM.");
  try {
    guard.check({ protocol: server.protocol, server });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const errors = error.details.errors?.map((entry) => ({ ...entry, pointer: pointer + entry.pointer }));
    throw new Failure(error.code, error.message, { ...error.details, ...(errors !== undefined && { errors }) });
  }
}

function isCertificate(pem: string): boolean {
  if (!/^\s*-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----\s*$/.test(pem)) return false;
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
