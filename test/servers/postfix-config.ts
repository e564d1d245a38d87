import type { Certificate } from "./ca.ts";
import { bouncingPrefix, mailDomain } from "./mailboxes.ts";

/** Recipients with a fixed answer to RCPT TO. A tag may follow the name: defer-1@postern.test. */
export const recipients = {
  /** 451: try again later, for ever. */
  deferred: `defer@${mailDomain}`,
  /** 550: refused by policy. */
  rejected: `reject@${mailDomain}`,
  /** 550: no such user. */
  unknown: `unknown@${mailDomain}`,
  /** 552: mailbox full. */
  full: `full@${mailDomain}`,
  /** Accepted, and returned to the sender by a delivery status notification. */
  bouncing: `${bouncingPrefix}@${mailDomain}`,
  /** 250 to RCPT TO, and 550 to the message where it goes to nobody else: Postfix names no recipient there where it has several. */
  rejectedLate: `late-reject@${mailDomain}`,
  /** The same with 451. */
  deferredLate: `late-defer@${mailDomain}`,
  /** Of another domain: refused, nothing leaves this machine. */
  elsewhere: "somebody@elsewhere.test",
};

/** A message with this in its subject is refused whole, by 550 after its final dot. */
export const refusedSubject = "refuse-this-content";

/** What the ports with a small limit take, octets. */
export const smallLimit = 60_000;

export interface PostfixPorts {
  /** As other mail servers reach it: no login needed for our domain, AUTH also without TLS. */
  smtp: number;
  /** TLS from the first byte. */
  smtps: number;
  /** Offers AUTH after STARTTLS only, and takes nothing without it. */
  submission: number;
  /** As `smtps`, takes `smallLimit` octets and says so. */
  small: number;
  /** As `small`, announces neither SIZE nor SMTPUTF8 nor 8BITMIME. */
  plain: number;
}

export interface PostfixSettings {
  directory: string;
  host: string;
  ports: PostfixPorts;
  certificate: Certificate;
  sockets: { lmtp: string; auth: string };
  messageSizeLimit: number;
}

export const postfixLog = (directory: string): string => `${directory}/postfix.log`;

/** main.cf: accepts mail for our domain only, and takes it to Dovecot. */
export const mainConfiguration = (settings: PostfixSettings): string => `
compatibility_level = 3.6
queue_directory = ${settings.directory}/queue
data_directory = ${settings.directory}/data
maillog_file = ${postfixLog(settings.directory)}
maillog_file_prefixes = ${settings.directory}
import_environment = POSTERN_TEST_DIRECTORY=${settings.directory} MAIL_CONFIG MAIL_LOGTAG LANG=C
export_environment = POSTERN_TEST_DIRECTORY=${settings.directory} PATH=/usr/bin:/bin LANG=C

inet_interfaces = ${settings.host}
inet_protocols = ipv4
myhostname = mail.${mailDomain}
mydomain = ${mailDomain}
smtpd_peername_lookup = no
disable_dns_lookups = yes

# Mail for our domain goes to Dovecot, any other is refused: nothing can leave this machine.
mydestination =
mynetworks =
alias_maps =
relay_domains =
default_transport = error:5.1.2 this server delivers to ${mailDomain} only
relay_transport = error:5.1.2 this server delivers to ${mailDomain} only
local_transport = error:5.1.1 no local users
virtual_mailbox_domains = ${mailDomain}
virtual_mailbox_maps = static:all
virtual_transport = lmtp:unix:${settings.sockets.lmtp}
notify_classes =

smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access regexp:${settings.directory}/etc/recipients
smtpd_end_of_data_restrictions = check_recipient_access regexp:${settings.directory}/etc/late
header_checks = regexp:${settings.directory}/etc/headers

smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${settings.sockets.auth}
smtpd_tls_security_level = may
smtpd_tls_chain_files = ${settings.certificate.chainPath}
# LMTP to Dovecot is a unix socket of ours.
lmtp_tls_security_level = none

message_size_limit = ${settings.messageSizeLimit}
mailbox_size_limit = 0
virtual_mailbox_limit = 0

# Out of the way of tests and benches.
default_process_limit = 300
lmtp_destination_concurrency_limit = 50
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_recipient_limit = 10000
in_flow_delay = 0
minimal_backoff_time = 2s
queue_run_delay = 2s
`;

/** The regexp tables behind the fixed answers, by file name. */
export const answers = (): Record<string, string> => ({
  recipients: accessTable([
    [recipients.deferred, "451 4.7.1 try again later"],
    [recipients.rejected, "550 5.7.1 refused by policy"],
    [recipients.unknown, "550 5.1.1 no such user"],
    [recipients.full, "552 5.2.2 mailbox full"],
  ]),
  late: accessTable([
    [recipients.rejectedLate, "550 5.7.1 content refused"],
    [recipients.deferredLate, "451 4.7.1 content not looked at yet"],
  ]),
  headers: `/^Subject:.*${refusedSubject}/ REJECT 5.7.1 content refused\n`,
});

const accessTable = (rows: [address: string, answer: string][]): string =>
  rows
    .map(([address, answer]) => `/^${address.replace("@", "(-[^@]*)?@").replaceAll(".", "\\.")}$/ ${answer}\n`)
    .join("");

const behindTls =
  "n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject";
const small = `${behindTls} -o message_size_limit=${smallLimit}`;

/** master.cf: the services that the above needs, none of them in a chroot. */
export const masterConfiguration = ({ host, ports }: PostfixSettings): string => `
# service type private unpriv chroot wakeup maxproc command
${host}:${ports.smtp} inet n - n - - smtpd
${host}:${ports.smtps} inet ${behindTls}
${host}:${ports.small} inet ${small}
${host}:${ports.plain} inet ${small} -o smtpd_discard_ehlo_keywords=size,smtputf8,8bitmime
${host}:${ports.submission} inet n - n - - smtpd -o smtpd_tls_auth_only=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
