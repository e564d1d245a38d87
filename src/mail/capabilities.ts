import { Failure } from "../errors.ts";

/** What an account's incoming side can do; the honest difference between protocols and servers (DESIGN §5). */
export type Capabilities = {
  folders: boolean;
  move: boolean;
  keywords: boolean;
  append: boolean;
  search: "server" | "headers" | "none";
  push: "idle" | "poll";
  flagStorage: "server" | "gateway";
};

/** Decided on the first message seen, stored on the account, never changed by itself (DESIGN §4). */
export type IdStability = "permanent" | "tracked" | "uidl" | "fingerprint";

const lacking = {
  folders: {
    detail: "This account's protocol has one folder, the inbox, which can't be changed (capabilities.folders).",
    fix: "Sort messages by keywords",
  },
  move: {
    detail: "This account's protocol has no folders to move messages to (capabilities.move).",
    fix: "Sort messages by keywords, delete for good with ?permanent=true",
  },
  append: { detail: "This account's protocol can't store messages (capabilities.append).", fix: "Send the message" },
} as const satisfies Partial<Record<keyof Capabilities, { detail: string; fix: string }>>;

/** What can be lacking of an account by its protocol. */
export type Lacking = keyof typeof lacking;

/** The refusal of what the protocol can't do: it names the capability, and what to do instead. */
export function unsupportedByProtocol(capability: Lacking): Failure {
  const { detail, fix } = lacking[capability];
  return new Failure("unsupported-by-protocol", detail, {
    fix: `${fix}, or store the account with IMAP, if its provider offers that.`,
    extra: { capability },
  });
}
