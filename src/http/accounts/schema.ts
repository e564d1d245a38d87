import { z } from "@hono/zod-openapi";
import { folderRoles } from "../../mail/folder.ts";
import { idParam, id, nullable, oneLine, timestamp, timestampInput } from "../schemas.ts";

export const accountParams = z.object({ accountId: idParam("acc", "The account.") });

const role = z.enum(folderRoles).openapi("FolderRole");

const port = z.int().min(1).max(65535).openapi({ example: 993 });
const host = z.string().min(1).max(255).openapi({
  description: "A domain name or an IP address, without a port. Private addresses need the operator's permission.",
  example: "imap.example.org",
});
const security = z.enum(["tls", "starttls", "none"]).openapi({
  description:
    "`tls` from the first octet; `starttls` upgrades and never goes on without; `none` only where the operator allows it.",
});
const username = oneLine(320).openapi({ example: "ada@example.org" });
/** Neither protocol can carry these three, and each would end or split a command. */
const password = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[^\r\n\0]*$/, { error: "holds no CR, LF or NUL" })
  .openapi({ format: "password", description: "Write-only: it is sealed, and never answered." });
const ca = z
  .string()
  .max(65_536)
  .openapi({ description: "A CA certificate in PEM that is trusted for this server, in place of the public ones." });
const servername = oneLine(253).openapi({ description: "The name in the certificate, where it is not the host." });

const maxPerMinute = z
  .int()
  .min(1)
  .max(6000)
  .openapi({
    description:
      "Messages that are handed over in a minute, at most; a twentieth of them may go at once. What is more waits. " +
      "Without it, as many as the provider is known to take from a mailbox (Microsoft 365: 30), else as many as the server takes.",
    example: 60,
  });

function serverInput<const P extends "imap" | "pop3" | "smtp">(protocols: readonly [P, ...P[]]) {
  return z.strictObject({
    protocol: z.enum(protocols),
    host,
    port,
    security,
    auth: z.strictObject({ type: z.literal("password"), username, password }),
    tls: z.strictObject({ ca: ca.optional(), servername: servername.optional() }).optional(),
  });
}

const incomingInput = serverInput(["imap", "pop3"]).openapi("IncomingServerInput");
const outgoingInput = serverInput(["smtp"])
  .extend({ maxPerMinute: maxPerMinute.optional() })
  .openapi("OutgoingServerInput");

const serverPatch = z.strictObject({
  host: host.optional(),
  port: port.optional(),
  security: security.optional(),
  auth: z
    .strictObject({
      type: z.literal("password").optional(),
      username: username.optional(),
      password: password.optional(),
    })
    .optional(),
  tls: z.strictObject({ ca: nullable(ca).optional(), servername: nullable(servername).optional() }).optional(),
});

const incomingPatch = serverPatch.openapi("IncomingServerPatch");
const outgoingPatch = serverPatch
  .extend({ maxPerMinute: nullable(maxPerMinute).optional() })
  .openapi("OutgoingServerPatch");

function serverView<const P extends "imap" | "pop3" | "smtp">(protocols: readonly [P, ...P[]]) {
  return z.object({
    protocol: z.enum(protocols),
    host: z.string(),
    port: z.int(),
    security,
    auth: z.object({ type: z.literal("password"), username: z.string() }),
    tls: z.object({ ca: z.string().optional(), servername: z.string().optional() }).optional(),
  });
}

const incomingView = serverView(["imap", "pop3"]).openapi("IncomingServer");
const outgoingView = serverView(["smtp"]).extend({ maxPerMinute: maxPerMinute.optional() }).openapi("OutgoingServer");

const email = oneLine(254)
  .regex(/^[^@\s]+@[^@\s]+$/, { error: "is an e-mail address" })
  .openapi({ description: "The address that mail is sent from by default.", example: "ada@example.org" });
const name = oneLine(200).openapi({ description: "The display name for sending.", example: "Ada Lovelace" });
const externalId = oneLine(200).openapi({ description: "Your own id; unique in your app.", example: "user-4711" });
const metadata = z
  .record(z.string().min(1).max(100), z.string().max(1000))
  .refine((record) => Object.keys(record).length <= 50, { error: "holds at most 50 entries" })
  .openapi({ description: "Yours; kept and answered as it is.", example: { plan: "pro" } });
const onUncertain = z.enum(["hold", "retry"]).openapi({
  description: "What to do with a message when the line was lost after it had been handed over.",
});
const saveToSent = z.enum(["auto", "always", "never"]).openapi({
  description:
    "Whether a copy of what is sent goes into the sent folder, on IMAP. `auto`: providers that file one themselves are left time for it; `always`: at once; " +
    "in both cases only where the folder has none yet. `never`: Postern files none. A submission can say otherwise.",
});
const watchMode = z.enum(["push", "poll", "off"]);
const watchFolders = z.union([z.literal("all"), z.array(role).max(folderRoles.length)]);

export const accountInput = z
  .strictObject({
    email,
    name: name.optional(),
    externalId: externalId.optional(),
    metadata: metadata.optional(),
    incoming: incomingInput.optional(),
    outgoing: outgoingInput.optional(),
    verify: z.boolean().default(true).openapi({ description: "Log in on both sides before the account is stored." }),
    watch: z
      .strictObject({
        mode: watchMode.default("push"),
        folders: watchFolders.default("all"),
        notifySince: timestampInput.optional(),
      })
      .default({ mode: "push", folders: "all" })
      .openapi({
        description:
          "How new mail and changes are noticed. `push`: at once in the inbox where the server can tell (IDLE), and within about a " +
          "minute elsewhere; `poll`: now and then; `off`: not at all. Mail that is there already is announced only from `notifySince` on.",
      }),
    onUncertain: onUncertain.default("hold"),
    saveToSent: saveToSent.default("auto"),
  })
  .openapi("AccountInput", {
    description: "A mailbox that exists already. At least one of `incoming` and `outgoing`.",
  });

export const accountPatch = z
  .strictObject({
    email: email.optional(),
    name: nullable(name).optional(),
    externalId: nullable(externalId).optional(),
    metadata: metadata.optional(),
    incoming: incomingPatch.optional(),
    outgoing: outgoingPatch.optional(),
    verify: z.boolean().default(true).openapi({ description: "Log in on both sides before a server is changed." }),
    watch: z
      .strictObject({
        mode: watchMode.optional(),
        folders: watchFolders.optional(),
        notifySince: timestampInput.optional(),
      })
      .optional(),
    onUncertain: onUncertain.optional(),
    saveToSent: saveToSent.optional(),
  })
  .refine((patch) => Object.keys(patch).some((key) => key !== "verify"), { error: "changes nothing" })
  .openapi("AccountPatch");

const capabilities = z
  .object({
    folders: z.boolean().openapi({ description: "Folders besides the inbox, the trash among them. False on POP3." }),
    move: z.boolean(),
    keywords: z.boolean(),
    append: z.boolean().openapi({ description: "Whether raw messages can be stored." }),
    search: z.enum(["server", "headers", "none"]).openapi({
      description: "Who looks for text: the server, or Postern in the headers.",
    }),
    push: z.enum(["idle", "poll"]),
    flagStorage: z.enum(["server", "gateway"]).openapi({
      description: "`gateway`: Postern keeps flags and keywords, and no other mail program sees them.",
    }),
    idStability: z
      .enum(["permanent", "tracked", "uidl", "fingerprint"])
      .optional()
      .openapi({
        description:
          "`permanent`: a message's id survives moves by anybody; `tracked`: moves by this API; `uidl`, `fingerprint`: POP3, where " +
          "a message has one place. Absent until a message was seen.",
      }),
  })
  .openapi("Capabilities");

export const account = z
  .object({
    id: id("acc"),
    email: z.string(),
    name: nullable(z.string()),
    externalId: nullable(z.string()),
    metadata: z.record(z.string(), z.string()),
    incoming: nullable(incomingView),
    outgoing: nullable(outgoingView),
    watch: z.object({ mode: watchMode, folders: watchFolders, notifySince: nullable(timestamp) }),
    onUncertain,
    saveToSent,
    capabilities: capabilities
      .optional()
      .openapi({ description: "What the mail server can do. Absent until the first login." }),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .openapi("Account");

const side = nullable(z.literal("ok")).openapi({ description: "Null for a side that the account does not have." });
export const verification = z.object({ incoming: side, outgoing: side, checkedAt: timestamp }).openapi("Verification");

export const accountState = z
  .enum(["connecting", "connected", "degraded", "authenticationFailed", "unreachable", "paused"])
  .openapi("AccountState", {
    description:
      "`degraded`: a login was refused and is tried again, or looking at the account takes too long. `authenticationFailed`: " +
      "nothing is tried until the account is changed or verified. `unreachable`: tried again and again, less and less often.",
  });

export const accountError = z
  .object({
    side: z.enum(["incoming", "outgoing"]),
    code: z.string().openapi({ example: "account-authentication-failed" }),
    detail: z.string().openapi({ example: "The mail server refused the login." }),
    at: timestamp,
  })
  .openapi("AccountError");

export const accountStatus = z
  .object({
    state: accountState,
    since: timestamp,
    lastError: accountError.optional().openapi({ description: "Why it is not connected." }),
    folders: z
      .array(
        z.object({
          folderId: id("fld"),
          mode: z
            .enum(["idle", "poll"])
            .openapi({ description: "`idle`: the mail server tells of news by itself; `poll`: it is asked." }),
          window: z.int().openapi({
            description: "Changes, moves and deletions are noticed in so many of the folder's newest messages.",
            example: 10_000,
          }),
          lastCheckedAt: timestamp,
          lastChangedAt: nullable(timestamp).openapi({ description: "When news was found last; null for never." }),
        }),
      )
      .openapi({ description: "The folders that are watched, each from its first look on." }),
  })
  .openapi("AccountStatus");

/** What any use of the account's mail server can fail with. */
export const upstreamErrors = [
  "account-paused",
  "account-authentication-failed",
  "address-not-allowed",
  "refused-by-server",
  "upstream-unreachable",
  "dns-not-found",
  "tls-verification-failed",
  "upstream-protocol-error",
  "mailbox-locked",
  "unsupported-by-runtime",
  "account-busy",
  "upstream-throttled",
  "upstream-timeout",
] as const;

/** … and of its incoming side. */
export const mailboxErrors = [
  ...upstreamErrors,
  "no-incoming",
  "unsupported-by-server",
  "unsupported-by-protocol",
] as const;
