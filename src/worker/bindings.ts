import type { D1Binding } from "../store/open-d1.ts";

/** What wrangler.toml binds. The POSTERN_* variables and secrets stand beside it, as strings. */
export type Bindings = {
  DB: D1Binding;
  /** One object per account, named by the account's id. */
  ACCOUNTS: Namespace<{ fetch: Serve; call(accountId: string): Promise<void> }>;
  /** One object, which delivers to all webhooks. */
  DELIVERIES: Namespace<{ call(): Promise<void> }>;
};

type Namespace<T> = { idFromName(name: string): object; get(id: object): T };

export type Serve = (request: Request) => Promise<Response>;

/** The part of a Durable Object's state that its class is given, as far as we use it. */
export type ObjectState = { id: { toString(): string }; storage: ObjectStorage };

/** Writes take effect in the order in which they were begun. */
export type ObjectStorage = {
  get<T>(key: string): Promise<T | undefined>;
  put(key: string, value: unknown): Promise<void>;
  /** Milliseconds since the epoch; takes the place of the one that stands. */
  setAlarm(at: number): Promise<void>;
  deleteAlarm(): Promise<void>;
  deleteAll(): Promise<void>;
};

export function accountObject({ ACCOUNTS }: Bindings, accountId: string) {
  return ACCOUNTS.get(ACCOUNTS.idFromName(accountId));
}

export function deliveriesObject({ DELIVERIES }: Bindings) {
  return DELIVERIES.get(DELIVERIES.idFromName("deliveries"));
}
