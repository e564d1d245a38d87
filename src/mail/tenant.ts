export const scopes = [
  "accounts:read",
  "accounts:write",
  "messages:read",
  "messages:write",
  "messages:send",
  "events:read",
  "webhooks:read",
  "webhooks:write",
] as const;
export type Scope = (typeof scopes)[number];

/** Who is calling, as the key says. An operator manages apps and keys and sees no mail. */
export type Caller =
  | { kind: "operator"; keyId: string | null }
  | {
      kind: "app";
      appId: string;
      keyId: string;
      scopes: Scope[];
      /** Null: every account of the app. */
      accountIds: string[] | null;
    };

export type AppCaller = Extract<Caller, { kind: "app" }>;

/** Times are RFC 3339 UTC with milliseconds. */
export type App = { id: string; name: string; createdAt: string };

export type ApiKey = {
  id: string;
  appId: string;
  name: string;
  hint: string;
  scopes: Scope[];
  accountIds: string[] | null;
  expiresAt: string | null;
  createdAt: string;
};
