import type { ImapFlowOptions } from "imapflow";
import type { SecureContext } from "node:tls";
import { Failure } from "../../errors.ts";

/** Contexts by authority; one saves some 25 kB for each connection that shares it. */
const contexts = new Map<string, SecureContext>();
const maxContexts = 1_000;

/**
 * TLS 1.2 or newer, trusting the runtime's authorities or only the given one (PEM). Where the entry hands in its own
 * transport, the runtime decides. Fails: `unsupported-by-runtime` for an own authority there, `validation-failed` for a CA
 * that is no PEM.
 */
export async function tlsOptions(
  ca: string | null,
  hasTransport: boolean,
): Promise<NonNullable<ImapFlowOptions["tls"]>> {
  if (hasTransport) {
    if (ca === null) return {};
    throw new Failure("unsupported-by-runtime", "This runtime can't trust an authority of the account's own.", {
      fix: "Use a server whose certificate a public authority signed, or run Postern on Node.",
    });
  }
  const known = contexts.get(ca ?? "");
  if (known) return { secureContext: known, minVersion: "TLSv1.2" };
  const [{ createSecureContext }, { X509Certificate }] = await Promise.all([import("node:tls"), import("node:crypto")]);
  try {
    // A context takes anything for an authority, and then trusts nobody.
    if (ca !== null) void new X509Certificate(ca);
    const secureContext = createSecureContext({ minVersion: "TLSv1.2", ...(ca === null ? {} : { ca }) });
    const oldest = contexts.keys().next().value;
    if (contexts.size >= maxContexts && oldest !== undefined) contexts.delete(oldest);
    contexts.set(ca ?? "", secureContext);
    return { secureContext, minVersion: "TLSv1.2" };
  } catch {
    throw new Failure("validation-failed", "The authority's certificate is not PEM.", {
      errors: [{ pointer: "/incoming/tls/ca", code: "invalid-pem", detail: "The authority's certificate is not PEM." }],
    });
  }
}
