import type { Capabilities, IdStability } from "./capabilities.ts";
import type { FolderRole } from "./folder.ts";

/** A server as the API takes it; `password` is write-only. */
export type ServerInput<P extends string> = {
  protocol: P;
  host: string;
  port: number;
  security: "tls" | "starttls" | "none";
  auth: { type: "password"; username: string; password: string };
  tls?: { ca?: string | undefined; servername?: string | undefined } | undefined;
};

/** Where an account sends. */
export type OutgoingInput = ServerInput<"smtp"> & {
  /** Messages handed over in a minute, at most; absent: as many as the provider is known to take. */
  maxPerMinute?: number | undefined;
};

export type WatchInput = {
  mode: "push" | "poll" | "off";
  folders: "all" | FolderRole[];
  /** RFC 3339. */
  notifySince?: string | undefined;
};

export type AccountInput = {
  email: string;
  name?: string | undefined;
  externalId?: string | undefined;
  metadata?: Record<string, string> | undefined;
  incoming?: ServerInput<"imap" | "pop3"> | undefined;
  outgoing?: OutgoingInput | undefined;
  verify: boolean;
  watch: WatchInput;
  onUncertain: "hold" | "retry";
  saveToSent: "auto" | "always" | "never";
};

/** Absent stays as it is; null empties what may be empty. A server is changed member by member, but for its protocol. */
export type AccountPatch = {
  email?: string | undefined;
  name?: string | null | undefined;
  externalId?: string | null | undefined;
  metadata?: Record<string, string> | undefined;
  incoming?: ServerPatch | undefined;
  outgoing?: OutgoingPatch | undefined;
  verify: boolean;
  watch?: { [K in keyof WatchInput]?: WatchInput[K] | undefined } | undefined;
  onUncertain?: "hold" | "retry" | undefined;
  saveToSent?: "auto" | "always" | "never" | undefined;
};

export type ServerPatch = {
  host?: string | undefined;
  port?: number | undefined;
  security?: "tls" | "starttls" | "none" | undefined;
  auth?: { type?: "password" | undefined; username?: string | undefined; password?: string | undefined } | undefined;
  tls?: { ca?: string | null | undefined; servername?: string | null | undefined } | undefined;
};

/** `maxPerMinute` null: as many as the provider is known to take. */
export type OutgoingPatch = ServerPatch & { maxPerMinute?: number | null | undefined };

/** A server as the API shows it: no password. */
export type ServerView<P extends string> = {
  protocol: P;
  host: string;
  port: number;
  security: "tls" | "starttls" | "none";
  auth: { type: "password"; username: string };
  tls?: { ca?: string; servername?: string };
};

export type OutgoingView = ServerView<"smtp"> & { maxPerMinute?: number };

export type Account = {
  id: string;
  email: string;
  name: string | null;
  externalId: string | null;
  metadata: Record<string, string>;
  incoming: ServerView<"imap" | "pop3"> | null;
  outgoing: OutgoingView | null;
  watch: { mode: "push" | "poll" | "off"; folders: "all" | FolderRole[]; notifySince: string | null };
  onUncertain: "hold" | "retry";
  saveToSent: "auto" | "always" | "never";
  /** Absent until the first login. */
  capabilities?: Capabilities & { idStability?: IdStability };
  createdAt: string;
  updatedAt: string;
};

/** What a check of both sides found; a side that the account lacks is null. */
export type Verification = { incoming: "ok" | null; outgoing: "ok" | null; checkedAt: string };

export type AccountStatus = {
  state: "connecting" | "connected" | "degraded" | "authenticationFailed" | "unreachable" | "paused";
  since: string;
  lastError?: { side: "incoming" | "outgoing"; code: string; detail: string; at: string };
  folders: {
    folderId: string;
    mode: "idle" | "poll";
    window: number;
    lastCheckedAt: string;
    lastChangedAt: string | null;
  }[];
};
