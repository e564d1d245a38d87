import { hkdfSync, randomBytes } from "node:crypto";
import { Failure } from "../errors.ts";
import { decrypt, encrypt } from "./aead.ts";

/** Whose secret it is, an account's or a webhook's, and its wrapped data key as it is stored (`sealedKey` of the row). */
export type KeyHolder = { id: string; appId: string; sealedKey: string };

/** Which column a secret belongs to; bound into the sealed text, so that one can't be put in another's place. */
export type SecretField =
  | "incomingPassword"
  | "outgoingPassword"
  | "idKey"
  | "webhookSecret"
  | "webhookPreviousSecret"
  | "webhookHeaders";

/**
 * Seals and opens the secrets of accounts and webhooks (DESIGN §7). Two layers: the operator's secret wraps a random data key
 * per holder, the data key seals the fields; so a rotation re-wraps one short text per holder and touches no field.
 * Everything that can't be opened (wrong secret, changed text, another holder's or field's) fails with the same `internal`.
 */
export interface Vault {
  /** A new data key for an account or a webhook, wrapped: goes to `sealedKey`. */
  newKey(holder: { id: string; appId: string }): string;
  /** Seals text (as UTF-8) or octets. */
  seal(holder: KeyHolder, field: SecretField, clear: string | Uint8Array): string;
  open(holder: KeyHolder, field: SecretField, sealed: string): Uint8Array;
  /** As `open`, for what was sealed as text. */
  openText(holder: KeyHolder, field: SecretField, sealed: string): string;
  /** The same data key wrapped by the current secret, or null where it is already: what a rotation writes back. */
  rewrap(holder: KeyHolder): string | null;
  /** Whether it was given a previous secret. */
  hasPrevious: boolean;
  /** A text to keep in the database, by which a later start knows whether it was given the right secret. */
  makeCheck(): string;
  /**
   * Under which secret a text of `makeCheck` was made: "previous" means that a rotation is under way, "wrong" that neither
   * secret opens it. Replace the text only when `rewrap` is null for every holder.
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

const keyContext = (holder: { id: string; appId: string }) => JSON.stringify(["postern:key", holder.appId, holder.id]);
const fieldContext = (holder: KeyHolder, field: SecretField) =>
  JSON.stringify(["postern:field", holder.appId, holder.id, field]);

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

  function unlock(holder: KeyHolder): { clear: Buffer; master: MasterKey } {
    const unlocked = unwrap(masters, keyContext(holder), holder.sealedKey);
    if (unlocked === null) throw unopenable();
    return unlocked;
  }

  function open(holder: KeyHolder, field: SecretField, sealed: string): Buffer {
    const [version, body, ...more] = sealed.split(".");
    if (version !== "v1" || body === undefined || more.length > 0) throw unopenable();
    const clear = decrypt(unlock(holder).clear, fieldContext(holder, field), body);
    if (clear === null) throw unopenable();
    return clear;
  }

  return {
    newKey: (holder) => wrap(current, keyContext(holder), randomBytes(32)),
    seal(holder, field, clear) {
      const octets = typeof clear === "string" ? Buffer.from(clear, "utf8") : clear;
      return `v1.${encrypt(unlock(holder).clear, fieldContext(holder, field), octets)}`;
    },
    open,
    openText: (holder, field, sealed) => open(holder, field, sealed).toString("utf8"),
    rewrap(holder) {
      const { clear, master } = unlock(holder);
      return master === current ? null : wrap(current, keyContext(holder), clear);
    },
    hasPrevious: options.previous !== undefined,
    makeCheck: () => wrap(current, checkContext, checkContent),
    verifyCheck(text) {
      const opened = unwrap(masters, checkContext, text);
      if (opened === null || !opened.clear.equals(checkContent)) return "wrong";
      return opened.master === current ? "current" : "previous";
    },
  };
}
