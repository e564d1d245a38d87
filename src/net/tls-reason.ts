const brokenTls =
  /^(?:CERT_|CRL_|ERR_TLS|ERR_SSL|ERR_OSSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_|PATH_LENGTH|EPROTO$)/;
/** The line was gone in the middle of it: that says nothing of certificates. */
const lostLine = "ERR_SSL_UNEXPECTED_EOF_WHILE_READING";

/** Why TLS failed, by the error code of Node or OpenSSL: the end of a sentence. Null where it is a code of something else. */
export function tlsReason(code: string): string | null {
  if (!brokenTls.test(code) || code === lostLine) return null;
  if (code === "CERT_HAS_EXPIRED") return "the certificate has expired";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH")
    return "the certificate is for another name";
  if (code.includes("SELF_SIGNED")) return "the certificate is self-signed";
  if (code.startsWith("UNABLE_TO")) return "the certificate's authority is unknown";
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return "what answers there is not TLS";
  return code;
}
