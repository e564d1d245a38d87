import type { Deliverer } from "./background/deliver-webhooks.ts";
import type { Follower } from "./background/follow-up.ts";
import type { Dispatcher } from "./background/send-submissions.ts";
import type { Watchers } from "./background/watch-accounts.ts";
import type { Front, FrontNeeds } from "./http/env.ts";
import type { Fleet } from "./mail/fleet.ts";
import type { Guard, ServerLogin } from "./mail/server.ts";
import type { Submitter } from "./mail/submitter.ts";
import type { Wake } from "./mail/wake.ts";
import type { WebhookPoster } from "./mail/webhook.ts";
import type { Clock } from "./observe.ts";
import type { ImapTransport } from "./protocols/imap/open-imap.ts";
import type { Dial } from "./net/connection.ts";
import type { Store } from "./store/store.ts";
import type { LookMemory } from "./watching/look-once.ts";
import type { Vault } from "./vault/vault.ts";

/** What the entry has opened: the parts that differ between a process and a Worker. */
export type World = Omit<FrontNeeds, "authenticate" | "ready"> & {
  store: Store;
  vault: Vault;
  guard: Guard;
  adminKey: string | null;
  /** How long a stream of events lasts at most, milliseconds; null: as long as its reader stays. */
  maxStreamMs: number | null;
  /** How long claimed work is another's before it may be taken over, milliseconds. */
  leaseMs: number;
  /** Names this process in claims. */
  owner: string;
  /** The processes that share the database; absent: there is no other. */
  fleet?: Fleet;
  /** Wakes waiting work; absent: that of this process alone. */
  wake?: Wake;
  /** Authenticates cursors; the same on every replica. */
  cursorKey: Uint8Array;
  /** Opens the sockets where node:net can't; absent on Node. */
  imapTransport?: ImapTransport;
  /** Opens the connections of POP3. */
  dialPop3: Dial;
  /** How many days events are kept. */
  eventDays: number;
  /** Of how many of a folder's newest messages changes are told. */
  watchWindow: number;
  /** Where an alarm wakes who watches: what a single look leaves to the next one; absent: accounts are watched for as long as they are claimed. */
  lookMemory?: LookMemory;
  /** How often watchers look at all folders, and at a maildrop, milliseconds. */
  watchEvery: { folders: number; maildrop: number };
  /** Makes a submitter on a checked outgoing server. */
  openSubmitter: (needs: { guard: Guard }, login: ServerLogin) => Submitter;
  /** Posts to receivers of webhooks. */
  webhookPoster: WebhookPoster;
  /** Requests to receivers that are under way at once; absent: as many as is good for a process. */
  webhookHands?: number;
  /** How long a receiver may take, milliseconds. */
  webhookTimeoutMs: number;
};

/** The two doors, and what the entry's loops call. */
export type Postern = {
  app: Front;
  /** What sends the outbox. */
  dispatcher: Dispatcher;
  /** What is left to be done after messages were sent. */
  follower: Follower;
  sweep: () => Promise<void>;
  /** What watches the accounts that this process claims. */
  watchers: Watchers;
  /** What delivers events to webhooks. */
  deliverer: Deliverer;
  wake: Wake;
  /** The time by which all that is claimed or due goes. */
  clock: Clock;
  /** Ends the streams of events, those too that are yet to come: nobody is to wait for their ends. */
  endStreams(): void;
  /** Closes all sessions. */
  close(): void;
};
