import { type CertificateAuthority, makeCertificates } from "./ca.ts";
import { type Dovecot, type DovecotOptions, startDovecot } from "./dovecot.ts";
import type { DovecotAddress } from "./mailboxes.ts";
import { type Postfix, type PostfixAddress, startPostfix } from "./postfix.ts";
import { provision } from "./provision.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

export interface MailStackOptions {
  dovecot?: Omit<DovecotOptions, "certificates">;
  /** In bytes, as told by Postfix's EHLO. */
  messageSizeLimit?: number;
}

/** All that a test in another process needs, as JSON: `freshUser` and `maildir` work on it. */
export interface MailStackAddress {
  dovecot: DovecotAddress;
  postfix: PostfixAddress;
}

export interface MailStack {
  certificates: CertificateAuthority;
  dovecot: Dovecot;
  postfix: Postfix;
  address: MailStackAddress;
  stop(): Promise<void>;
}

/** Starts a Dovecot and a Postfix that belong together, and installs them first where they are missing. */
export async function startMailStack({
  dovecot: options = {},
  messageSizeLimit,
}: MailStackOptions = {}): Promise<MailStack> {
  await provision(["dovecot", "postfix"]);
  const directory = makeScratch();
  const certificates = await makeCertificates(`${directory}/certificates`);
  const dovecot = await startDovecot({ ...options, certificates });
  const postfix = await startPostfix({
    dovecot,
    certificate: certificates.valid,
    ...(messageSizeLimit !== undefined && { messageSizeLimit }),
  });
  return {
    certificates,
    dovecot,
    postfix,
    address: { dovecot: dovecot.address, postfix: postfix.address },
    async stop() {
      await Promise.all([postfix.stop(), dovecot.stop()]);
      removeScratch(directory);
    },
  };
}
