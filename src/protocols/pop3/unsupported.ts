import { Failure } from "../../errors.ts";
import type { Capabilities } from "../../mail/capabilities.ts";

const otherwise = "or store the account with IMAP, if its provider offers that.";

const lacking = {
  folders: {
    detail: "POP3 has one folder, which can't be changed, and no others (capabilities.folders).",
    fix: `Sort messages by keywords, ${otherwise}`,
  },
  move: {
    detail: "POP3 has no folders to move messages to (capabilities.move).",
    fix: `Sort messages by keywords, delete for good with ?permanent=true, ${otherwise}`,
  },
  append: {
    detail: "POP3 can't store messages (capabilities.append).",
    fix: `Send the message, ${otherwise}`,
  },
} as const satisfies Partial<Record<keyof Capabilities, { detail: string; fix: string }>>;

/** Fails `unsupported-by-protocol`, and names the capability and what to do instead. */
export async function unsupported(capability: keyof typeof lacking): Promise<never> {
  const { detail, fix } = lacking[capability];
  throw new Failure("unsupported-by-protocol", detail, { fix, extra: { capability } });
}
