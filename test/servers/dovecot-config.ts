import type { Certificate } from "./ca.ts";
import {
  bouncingPrefix,
  commonPassword,
  type DovecotAddress,
  mailDomain,
  mailRoot,
  ownPasswordPrefix,
} from "./mailboxes.ts";

export interface DovecotSettings extends Omit<DovecotAddress, "ca"> {
  certificate: Certificate;
  specialUse: boolean;
  folders: boolean;
  capability: string | undefined;
  sessionsPerUser: number;
  quota: string | undefined;
  slowAfterWrongPassword: boolean;
  pop3Locks: boolean;
}

/** The account that mail belongs to; every Debian has it. */
export const mailOwner = "mail";

export const lmtpSocket = (directory: string): string => `${directory}/lmtp`;
export const authSocket = (directory: string): string => `${directory}/auth`;
export const passwordFiles = (directory: string): string => `${directory}/passwords`;
export const dovecotLog = (directory: string): string => `${directory}/dovecot.log`;

/** The configuration of a Dovecot 2.3 that keeps everything below its own directory. */
export function dovecotConfiguration(settings: DovecotSettings): string {
  return [general, limits, authentication, storage, namespace, services].map((part) => part(settings)).join("\n");
}

const general = ({ host, directory, certificate, capability, pop3Locks }: DovecotSettings): string => `
protocols = imap pop3 lmtp
listen = ${host}
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${dovecotLog(directory)}
import_environment = POSTERN_TEST_DIRECTORY=${directory}
ssl = yes
ssl_cert = <${certificate.certPath}
ssl_key = <${certificate.keyPath}
disable_plaintext_auth = no
${capability ? `imap_capability = ${capability}` : ""}
${pop3Locks ? "pop3_lock_session = yes" : ""}
`;

// Out of the way of tests and benches; Dovecot's own suit a small office.
const limits = ({ sessionsPerUser }: DovecotSettings): string => `
default_process_limit = 4000
default_client_limit = 16000
default_vsz_limit = 1G
mail_max_userip_connections = ${sessionsPerUser}
# Without a free inotify instance (128 per user) new mail would be seen every 30 seconds only.
mailbox_idle_check_interval = 1 secs
`;

const authentication = ({ directory, slowAfterWrongPassword }: DovecotSettings): string => `
auth_mechanisms = plain login
auth_username_format = %Lu
passdb {
  driver = static
  username_filter = *@${mailDomain} !${ownPasswordPrefix}*@${mailDomain} !${bouncingPrefix}*@${mailDomain}
  args = password=${commonPassword}
}
# Without a filter: a user whom every passdb skips would be a temporary failure instead of an unknown user.
passdb {
  driver = passwd-file
  args = ${passwordFiles(directory)}/%u
}
userdb {
  driver = static
  args = uid=${mailOwner} gid=${mailOwner} home=${mailRoot(directory)}/%n
}
${slowAfterWrongPassword ? "" : "auth_failure_delay = 0\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}"}
`;

const storage = ({ storage: format, quota }: DovecotSettings): string => `
mail_location = ${format}:~${format === "mbox" ? "/folders:INBOX=~/inbox" : ""}
first_valid_uid = 1
mail_privileged_group = ${mailOwner}
${
  quota
    ? `mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=${quota}
  quota_grace = 0
}`
    : ""
}
`;

const specialFolders = ["Sent", "Drafts", "Trash", "Junk", "Archive"];

const namespace = ({ separator, specialUse, folders }: DovecotSettings): string => `
namespace inbox {
  inbox = yes
  separator = ${separator}
  prefix = ${separator === "." ? "INBOX." : ""}
${(folders ? specialFolders : []).map((name) => `  mailbox ${name} {\n    auto = create\n${specialUse ? `    special_use = \\${name}\n` : ""}  }`).join("\n")}
}
`;

const services = ({ ports, directory }: DovecotSettings): string => `
service imap-login {
  ${listener("imap", ports.imap, false)}
  ${listener("imaps", ports.imaps, true)}
  ${manyPerProcess}
}
service pop3-login {
  ${listener("pop3", ports.pop3, false)}
  ${listener("pop3s", ports.pop3s, true)}
  ${manyPerProcess}
}
service lmtp {
  unix_listener ${lmtpSocket(directory)} {
    mode = 0666
  }
}
service auth {
  unix_listener ${authSocket(directory)} {
    mode = 0666
  }
}
`;

const listener = (name: string, port: number, ssl: boolean): string =>
  `inet_listener ${name} {\n    port = ${port}\n    ssl = ${ssl ? "yes" : "no"}\n  }`;

// Dovecot's default starts a login process for each connection, which is most of what a login costs.
const manyPerProcess = `service_count = 0
  process_min_avail = 1
  process_limit = 4`;
