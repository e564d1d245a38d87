import { hkdfSync, randomBytes } from "node:crypto";
import { Failure } from "../errors.ts";
import { decrypt, encrypt } from "./aead.ts";

/** Whose secret it is, and the account's wrapped data key as it is stored (`AccountRow.sealedKey`). */
export type KeyHolder = { id: string; appId: string; sealedKey: string };

/** Which column a secret belongs to; bound into the sealed text, so that one can't be put in another's place. */
export type SecretField = "incomingPassword" | "outgoingPassword" | "idKey";

/**
 * Seals and opens an account's secrets (DESIGN §7). Two layers: the operator's secret wraps a random data key per account,
 * the data key seals the fields; so a rotation re-wraps one short text per account and touches no field.
 * Everything that can't be opened (wrong secret, changed text, another account's or field's) fails with the same `internal`.
 */
export interface Vault {
  /** A new data key for an account, wrapped: goes to `sealedKey`. */
  newAccountKey(account: { id: string; appId: string }): string;
  /** Seals text (as UTF-8) or octets. */
  seal(account: KeyHolder, field: SecretField, clear: string | Uint8Array): string;
  open(account: KeyHolder, field: SecretField, sealed: string): Uint8Array;
  /** As `open`, for what was sealed as text. */
  openText(account: KeyHolder, field: SecretField, sealed: string): string;
  /** The same data key wrapped by the current secret, or null where it is already: what a rotation writes back. */
  rewrap(account: KeyHolder): string | null;
  /** A text to keep in the database, by which a later start knows whether it was given the right secret. */
  makeCheck(): string;
  /**
   * Under which secret a text of `makeCheck` was made: "previous" means that a rotation is under way, "wrong" that neither
   * secret opens it. Replace the text only when `rewrap` is null for every account.
   */
  verifyCheck(text: string): "current" | "previous" | "wrong";
}

type MasterKey = { id: string; key: Uint8Array };

const minSecretLength = 32;
const checkContext = "postern:check";
const checkContent = Buffer.from("postern");

/** HKDF-SHA256 (RFC 5869) suffices, and costs nothing, because the secret is a long random one; it would not for a password. */
function deriveMaster(secret: string): MasterKey {
  if (secret.length < minSecretLength) {
    throw new Failure("internal", `The sealing secret is shorter than ${minSecretLength} characters.`, {
      fix: "Set POSTERN_SECRET to a long random value, for instance from `openssl rand -base64 32`.",
    });
  }
  const derive = (info: string, length: number) => Buffer.from(hkdfSync("sha256", secret, "", info, length));
  return { id: derive("postern:key-id", 6).toString("base64url"), key: derive("postern:wrapping", 32) };
}

const keyContext = (account: { id: string; appId: string }) =>
  JSON.stringify(["postern:key", account.appId, account.id]);
const fieldContext = (account: KeyHolder, field: SecretField) =>
  JSON.stringify(["postern:field", account.appId, account.id, field]);

/** `v1.<id of the wrapping secret>.<base64url>` */
const wrap = (master: MasterKey, context: string, clear: Uint8Array) =>
  `v1.${master.id}.${encrypt(master.key, context, clear)}`;

function unwrap(masters: MasterKey[], context: string, text: string): { clear: Buffer; master: MasterKey } | null {
  const [version, id, body, ...more] = text.split(".");
  const master = masters.find((candidate) => candidate.id === id);
  if (version !== "v1" || master === undefined || body === undefined || more.length > 0) return null;
  const clear = decrypt(master.key, context, body);
  return clear === null ? null : { clear, master };
}

const unopenable = () => new Failure("internal", "A stored secret could not be opened.");

/**
 * @param options.secret POSTERN_SECRET, at least 32 characters of random text
 * @param options.previous POSTERN_SECRET_PREVIOUS: still opens what was wrapped under it
 */
export function createVault(options: { secret: string; previous?: string | undefined }): Vault {
  const current = deriveMaster(options.secret);
  const masters = options.previous === undefined ? [current] : [current, deriveMaster(options.previous)];

  function unlock(account: KeyHolder): { clear: Buffer; master: MasterKey } {
    const unlocked = unwrap(masters, keyContext(account), account.sealedKey);
    if (unlocked === null) throw unopenable();
    return unlocked;
  }

  function open(account: KeyHolder, field: SecretField, sealed: string): Buffer {
    const [version, body, ...more] = sealed.split(".");
    if (version !== "v1" || body === undefined || more.length > 0) throw unopenable();
    const clear = decrypt(unlock(account).clear, fieldContext(account, field), body);
    if (clear === null) throw unopenable();
    return clear;
  }

  return {
    newAccountKey: (account) => wrap(current, keyContext(account), randomBytes(32)),
    seal(account, field, clear) {
      const octets = typeof clear === "string" ? Buffer.from(clear, "utf8") : clear;
      return `v1.${encrypt(unlock(account).clear, fieldContext(account, field), octets)}`;
    },
    open,
    openText: (account, field, sealed) => open(account, field, sealed).toString("utf8"),
    rewrap(account) {
      const { clear, master } = unlock(account);
      return master === current ? null : wrap(current, keyContext(account), clear);
    },
    makeCheck: () => wrap(current, checkContext, checkContent),
    verifyCheck(text) {
      const opened = unwrap(masters, checkContext, text);
      if (opened === null || !opened.clear.equals(checkContent)) return "wrong";
      return opened.master === current ? "current" : "previous";
    },
  };
}
