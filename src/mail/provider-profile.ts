import type { FolderRole } from "./folder.ts";

/** What a provider's words mean, where they mean more than their IMAP, POP3 or SMTP code. */
export type ProviderRefusal = {
  words: RegExp;
  code: "account-authentication-failed" | "upstream-throttled" | "refused-by-server";
  detail: string;
  fix: string;
};

/**
 * What is particular about a provider, as data: it changes what a refusal is told as, and how the server is asked, never
 * where or how securely we connect. Where each fact comes from is in docs/providers.md.
 */
export type ProviderProfile = {
  id: string;
  /** Host names of its servers, lower case; one that begins with a dot stands for all names below it. */
  hosts: readonly string[];
  /** What to do when the login is refused: which password the provider takes. */
  passwordFix: string;
  /** The first whose words are in the server's text counts. */
  refusals: readonly ProviderRefusal[];
  /** Raw folder paths by role, where the server may not say and the name tells nothing. */
  roleHints: Readonly<Partial<Record<FolderRole, string>>>;
  /** Whether NOOP tells of new messages in the selected folder; else it is selected again. */
  noopTellsNews: boolean;
  /**
   * Whether what is submitted by SMTP turns up in the sent folder by itself, within seconds or a minute. Reported of Gmail
   * (wildduck's wiki on Gmail's MSA, PHPMailer #2022, MailKit #1193), of Outlook.com and Microsoft 365 (chatmail/provider-db
   * #258, nextcloud/mail #4831) and of Zoho (nylas/sync-engine #365). Reported not to: Yandex and Mail.ru (Wino-Mail #631,
   * nmail #20). Of iCloud most say that it does not (apple-mail-fast-mcp #406, tried; matcha #496), one that it does
   * (QuickMail #150). So it is a reason to wait and look, never one to leave a copy out unseen.
   */
  filesSentCopy: boolean;
  /** Messages that the provider takes from one mailbox in a minute, where it says so; null where it does not. */
  maxPerMinute: number | null;
};

/** A refusal that only the mailbox's owner can end: logging in again with the same password is of no use. */
function forOwner(words: RegExp, detail: string, fix: string): ProviderRefusal {
  return { words, code: "account-authentication-failed", detail, fix };
}

/** The password is right, and the mailbox is closed to POP3 all the same. */
function withoutPop3(words: RegExp, provider: string, where: string): ProviderRefusal {
  const fix = `Let the owner switch POP on ${where}, or store the account with IMAP.`;
  return { words, code: "refused-by-server", detail: `POP3 is switched off for this ${provider} mailbox.`, fix };
}

type Quirks = Pick<ProviderProfile, "id" | "hosts" | "passwordFix"> & Partial<ProviderProfile>;

function profile(quirks: Quirks): ProviderProfile {
  return { refusals: [], roleHints: {}, noopTellsNews: true, filesSentCopy: false, maxPerMinute: null, ...quirks };
}

export const providerProfiles: readonly ProviderProfile[] = [
  profile({
    id: "gmail",
    hosts: ["imap.gmail.com", "imap.googlemail.com", "pop.gmail.com", "smtp.gmail.com", "smtp.googlemail.com"],
    passwordFix:
      "Gmail takes an app password, not the account's: switch on 2-Step Verification, then create one at myaccount.google.com/apppasswords.",
    refusals: [
      forOwner(
        /application-specific password required/i,
        "Gmail takes an app password here, not the account's password.",
        "Create an app password at myaccount.google.com/apppasswords and store it as the account's password.",
      ),
      forOwner(
        /web login required|log in via your web browser/i,
        "Gmail wants its owner to sign in with a web browser first.",
        "Let the owner sign in to Gmail in a browser and confirm that it was them, then POST to the account's verify route; with an app password this rarely happens.",
      ),
      withoutPop3(/not enabled for pop access/i, "Gmail", "in Gmail's settings under Forwarding and POP/IMAP"),
      {
        words: /exceeded (command or )?bandwidth limits/i,
        code: "upstream-throttled",
        detail: "The account has used up what Gmail lets be read in a day.",
        fix: "Wait: Gmail lifts the limit by itself, within a day. Read less, or less often.",
      },
    ],
    filesSentCopy: true,
  }),
  profile({
    id: "outlook",
    hosts: [
      "outlook.office365.com",
      "outlook.office.com",
      "imap-mail.outlook.com",
      "pop-mail.outlook.com",
      "smtp.office365.com",
      "smtp-mail.outlook.com",
    ],
    passwordFix:
      "Microsoft takes OAuth only, which Postern can't do yet; no password works here, not an app password either.",
    refusals: [
      forOwner(
        /basic ?auth(entication)? is disabled|basicauthblocked/i,
        "Microsoft takes no passwords any more, only OAuth.",
        "There is no password that works; accounts at Microsoft need OAuth, which Postern can't do yet.",
      ),
    ],
    filesSentCopy: true,
    // learn.microsoft.com, "SMTP Authenticated Submission": 30 messages a minute, three connections at once.
    maxPerMinute: 30,
  }),
  profile({
    id: "yahoo",
    hosts: ["imap.mail.yahoo.com", "pop.mail.yahoo.com", "smtp.mail.yahoo.com"],
    passwordFix:
      "Yahoo takes an app password, not the account's: create one under Account Security, at login.yahoo.com/account/security.",
    refusals: [withoutPop3(/not enabled for pop access/i, "Yahoo", "in the options of Yahoo Mail")],
    roleHints: { junk: "Bulk" },
  }),
  profile({
    id: "aol",
    hosts: ["imap.aol.com", "pop.aol.com", "smtp.aol.com"],
    passwordFix:
      "AOL takes an app password, not the account's: create one under Account Security, at login.aol.com/account/security.",
    roleHints: { junk: "Bulk" },
  }),
  profile({
    id: "icloud",
    hosts: ["imap.mail.me.com", "smtp.mail.me.com"],
    passwordFix:
      "iCloud takes an app-specific password, not the Apple Account's: create one at account.apple.com under Sign-In and Security.",
  }),
  profile({
    id: "qq",
    hosts: ["imap.qq.com", "pop.qq.com", "smtp.qq.com"],
    passwordFix:
      "QQ Mail takes an authorisation code, not the QQ password: in the web mailbox under settings, account, switch IMAP/SMTP (for POP3: POP3/SMTP) on and create one.",
    refusals: [
      forOwner(
        /service is not open|account is abnormal/i,
        "QQ Mail refused the login: the code is wrong, IMAP or POP3 is switched off, or it was tried too often.",
        "Check that IMAP/SMTP or POP3/SMTP is switched on in the web mailbox, and store a fresh authorisation code as the password.",
      ),
    ],
  }),
  profile({
    id: "netease",
    hosts: [".163.com", ".126.com", ".yeah.net", ".188.com"],
    passwordFix:
      "NetEase takes an authorisation code, not the account's password: in the web mailbox under settings, POP3/SMTP/IMAP, switch on the one that the account uses and create one.",
    refusals: [
      forOwner(
        /unsafe login/i,
        "NetEase lets the login in, but not to the folders: it takes it for unsafe.",
        "Sign in to the web mailbox, check that IMAP is switched on and confirm the new client if it asks; Postern has told its name (RFC 2971), as NetEase wants. Its help desk is kefu@188.com.",
      ),
    ],
    noopTellsNews: false,
  }),
  profile({
    id: "fastmail",
    hosts: ["imap.fastmail.com", "pop.fastmail.com", "smtp.fastmail.com"],
    passwordFix: "Fastmail takes an app password, not the account's: create one under Settings, Privacy & Security.",
  }),
  profile({
    id: "rambler",
    hosts: ["imap.rambler.ru", "pop.rambler.ru", "smtp.rambler.ru"],
    passwordFix: "Switch access by mail programs on in the settings of mail.rambler.ru, and check the password.",
  }),
  profile({
    id: "yandex",
    hosts: [
      "imap.yandex.ru",
      "imap.yandex.com",
      "imap.ya.ru",
      "pop.yandex.ru",
      "pop.yandex.com",
      "smtp.yandex.ru",
      "smtp.yandex.com",
      "smtp.ya.ru",
    ],
    passwordFix:
      "Yandex takes an app password for mail, not the account's: create one at id.yandex.ru/security/app-passwords, and switch IMAP or POP3 on in the mailbox's settings.",
    refusals: [
      forOwner(
        /imap is disabled/i,
        "Yandex refused the login: the password is wrong, or IMAP is switched off.",
        "Switch IMAP on in the mailbox's settings under mail clients, and store an app password for mail.",
      ),
      forOwner(
        /pop3 (is )?disabled/i,
        "Yandex refused the login: the password is wrong, or POP3 is switched off.",
        "Switch POP3 on in the mailbox's settings under mail clients, and store an app password for mail.",
      ),
    ],
  }),
  profile({
    id: "mailru",
    hosts: ["imap.mail.ru", "pop.mail.ru", "smtp.mail.ru"],
    passwordFix:
      "Mail.ru takes a password for external applications, not the account's: create one in the account's settings under Security.",
    refusals: [
      forOwner(
        /neobhodim parol prilozheniya|application password is required/i,
        "Mail.ru takes a password for external applications here, not the account's.",
        "Create one in the account's settings under Security, and store it as the account's password.",
      ),
    ],
  }),
  profile({
    id: "zoho",
    hosts: [".zoho.com", ".zoho.eu"],
    passwordFix:
      "Check that the host is of the account's region, that access by IMAP or POP is on, and with two-factor login store an app-specific password.",
    refusals: [
      forOwner(
        /yet to enable imap/i,
        "IMAP is switched off for this Zoho mailbox.",
        "Switch IMAP access on in Zoho Mail under Settings, Mail Accounts, or ask the organisation's administrator.",
      ),
    ],
    filesSentCopy: true,
  }),
  profile({
    id: "gmx",
    hosts: [
      "imap.gmx.net",
      "imap.gmx.com",
      "pop.gmx.net",
      "pop.gmx.com",
      "mail.gmx.net",
      "mail.gmx.com",
      "imap.web.de",
      "pop3.web.de",
      "smtp.web.de",
    ],
    passwordFix:
      "Switch POP3 and IMAP access on in the web mailbox's settings, and check the password. WEB.DE also refuses POP3 logins that come within 15 minutes of each other: there, use IMAP.",
  }),
];

/** The profile of the provider whose server this is, by its host name as the account was stored with; null for others. */
export function profileOf(host: string): ProviderProfile | null {
  const name = host.toLowerCase().replace(/\.$/, "");
  const isOf = (entry: string): boolean => (entry.startsWith(".") ? name.endsWith(entry) : name === entry);
  return providerProfiles.find(({ hosts }) => hosts.some(isOf)) ?? null;
}

/** What this server's words mean by its provider's profile; null where they say nothing particular. */
export function providerRefusal(host: string, text: string): ProviderRefusal | null {
  return profileOf(host)?.refusals.find(({ words }) => words.test(text)) ?? null;
}
