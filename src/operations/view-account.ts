import type { Account, OutgoingView, ServerView } from "../mail/account.ts";
import { timestamp, timestampOrNull } from "../mail/time.ts";
import type { AccountRow, ServerSettings } from "../store/rows.ts";

/** An account as the API shows it: everything but its secrets. */
export function viewAccount(row: AccountRow): Account {
  const { capabilities, idStability, watch } = row;
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    externalId: row.externalId,
    metadata: row.metadata,
    incoming: row.incoming && viewServer<"imap" | "pop3">(row.incoming),
    outgoing: row.outgoing && viewOutgoing(row.outgoing),
    watch: { ...watch, notifySince: timestampOrNull(watch.notifySince) },
    onUncertain: row.onUncertain,
    saveToSent: row.saveToSent,
    ...(capabilities !== null && { capabilities: { ...capabilities, ...(idStability !== null && { idStability }) } }),
    createdAt: timestamp(row.createdAt),
    updatedAt: timestamp(row.updatedAt),
  };
}

function viewOutgoing(settings: ServerSettings): OutgoingView {
  const { maxPerMinute } = settings;
  return { ...viewServer<"smtp">(settings), ...(maxPerMinute !== undefined && { maxPerMinute }) };
}

function viewServer<P extends string>(settings: ServerSettings): ServerView<P> {
  const { protocol, host, port, security, auth, tls } = settings;
  return {
    protocol: protocol as P,
    host,
    port,
    security,
    auth: { type: auth.type, username: auth.username },
    tls: { ...(tls.ca !== null && { ca: tls.ca }), ...(tls.servername !== null && { servername: tls.servername }) },
  };
}
