import type { Dsn, DsnRecipient } from "../../src/mime/dsn.ts";
import { base64, lines, multipart, part, utf8 } from "../corpus/corpus.ts";

/** A bounce, or what looks like one, in the form that a program gives it; addresses, hosts and words are made up. */
export type Bounce = { name: string; raw: string; dsn: Dsn | null };

const none = { status: null, code: null, diagnostic: null, remoteMta: null, willRetryUntil: null };

function recipient(email: string, facts: Partial<DsnRecipient>): DsnRecipient {
  return { email, action: "failed", ...none, ...facts };
}

const originalId = "<sent.1@postern.test>";

function dsn(recipients: DsnRecipient[], facts: Partial<Dsn> = {}): Dsn {
  return { kind: "failed", originalMessageId: originalId, recipients, ...facts };
}

const originalHeader = lines(
  "Received: from client (client [192.0.2.9]) by mx.example.com; Mon, 23 Nov 2026 07:00:00 +0000",
  "From: Ann <ann@example.com>",
  "To: bob@example.net",
  "Subject: Hello",
  `Message-ID: ${originalId}`,
  "Date: Mon, 23 Nov 2026 07:00:00 +0000",
);
const original = `${originalHeader}\r\n${lines("Hello Bob,", "<x@y.example>: 550 5.9.9 is no bounce of ours")}`;

const daemon = [
  "Return-Path: <>",
  "From: Mail Delivery System <MAILER-DAEMON@mx.example.com>",
  "To: ann@example.com",
  "Subject: Undelivered Mail Returned to Sender",
  "Message-ID: <bounce.1@mx.example.com>",
];
const text = (...all: string[]): string => part(["Content-Type: text/plain; charset=utf-8"], lines(...all));
const statusPart = (groups: string[][], type = "message/delivery-status", fields: string[] = []): string =>
  part([`Content-Type: ${type}`, ...fields], groups.map((group) => lines(...group)).join("\r\n"));
const returned = part(["Content-Type: message/rfc822"], original);
const perMessage = ["Reporting-MTA: dns; mx.example.com", "Arrival-Date: Mon, 23 Nov 2026 07:00:00 +0000"];

const report = (parts: string[], fields = daemon): string =>
  lines(...fields, "MIME-Version: 1.0") + multipart("report", "r", parts, "; report-type=delivery-status");

const refused = "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown";

const standard: Bounce[] = [
  {
    name: "Postfix",
    raw: report([
      text(
        "This is the mail system at host mx.example.com.",
        "",
        "I'm sorry to have to inform you that your message could not",
        "be delivered to one or more recipients. It's attached below.",
        "",
        `<bob@example.net>: host mx.example.net[192.0.2.1] said: ${refused}`,
      ),
      statusPart([
        perMessage,
        [
          "Final-Recipient: rfc822; bob@example.net",
          "Original-Recipient: rfc822;bob@example.net",
          "Action: failed",
          "Status: 5.1.1",
          "Remote-MTA: dns; mx.example.net",
          "Diagnostic-Code: smtp; 550 5.1.1 <bob@example.net>: Recipient address",
          "    rejected: User unknown",
        ],
      ]),
      returned,
    ]),
    dsn: dsn([
      recipient("bob@example.net", { status: "5.1.1", code: 550, diagnostic: refused, remoteMta: "mx.example.net" }),
    ]),
  },
  {
    name: "several recipients, forwarded ones, of all actions",
    raw: report([
      text("x"),
      statusPart([
        perMessage,
        [
          "Final-Recipient: rfc822;<bob@forwarded.example>",
          "Original-Recipient: rfc822;bob@example.net",
          "Action: Failed",
          "Status: 5.2.2 (full)",
        ],
        [
          "Final-Recipient: RFC822; cat@example.net",
          "Action: delayed",
          "Status: 4.4.1",
          "Will-Retry-Until: Thu, 26 Nov 2026 07:00:00 +0000",
        ],
        ["Final-Recipient: dan@example.net", "Action: relayed (to a server without DSN)", "Status: 2.0.0"],
        ["Final-Recipient: rfc822; eve@example.net", "Status: 2.1.5"],
        ["Final-Recipient: rfc822; CAT@example.net", "Action: failed", "Status: 5.0.0"],
      ]),
      returned,
    ]),
    dsn: dsn([
      recipient("bob@example.net", { status: "5.2.2" }),
      recipient("cat@example.net", { action: "delayed", status: "4.4.1", willRetryUntil: Date.UTC(2026, 10, 26, 7) }),
      recipient("dan@example.net", { action: "relayed", status: "2.0.0" }),
      recipient("eve@example.net", { action: "delivered", status: "2.1.5" }),
    ]),
  },
  {
    name: "a delay",
    raw: report([
      text("x"),
      statusPart([
        perMessage,
        [
          "Final-Recipient: rfc822; bob@example.net",
          "Action: delayed",
          "Status: 4.2.0",
          "Diagnostic-Code: X-Postfix; host mx.example.net[192.0.2.1] said: 451 4.2.0 later",
        ],
      ]),
      part(["Content-Type: text/rfc822-headers"], originalHeader),
    ]),
    dsn: dsn(
      [
        recipient("bob@example.net", {
          action: "delayed",
          status: "4.2.0",
          code: 451,
          diagnostic: "host mx.example.net[192.0.2.1] said: 451 4.2.0 later",
          remoteMta: "mx.example.net",
        }),
      ],
      { kind: "delayed" },
    ),
  },
  {
    name: "a delivery",
    raw: report([
      text("x"),
      statusPart([perMessage, ["Final-Recipient: rfc822; bob@example.net", "Action: delivered", "Status: 2.0.0"]]),
      part(["Content-Type: message/rfc822-headers"], originalHeader),
    ]),
    dsn: dsn([recipient("bob@example.net", { action: "delivered", status: "2.0.0" })], { kind: "delivered" }),
  },
  {
    name: "Microsoft 365: a vague status, a longer word of the server, an id of its own",
    raw: report(
      [
        multipart("alternative", "a", [
          text("Your message couldn't be delivered."),
          part(["Content-Type: text/html"], "<p>x</p>"),
        ]),
        statusPart([
          ["Reporting-MTA: dns;EX1.example.prod.outlook.com", "Received-From-MTA: dns;EX2.example.prod.outlook.com"],
          [
            "Final-Recipient: rfc822;bob@example.net",
            "Action: failed",
            "Status: 5.0.0",
            "Diagnostic-Code: smtp;550 5.4.1 Recipient address rejected: Access denied.",
            "Remote-MTA: dns;[192.0.2.1]",
            "X-Display-Name: Bob",
          ],
        ]),
        part(
          ["Content-Type: message/rfc822"],
          lines("Message-ID: <another@outlook.com>", `X-Microsoft-Original-Message-ID: ${originalId}`, "", "Hi"),
        ),
      ],
      [
        "From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com>",
        "Subject: Undeliverable: Hello",
      ],
    ),
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.4.1",
        code: 550,
        diagnostic: "550 5.4.1 Recipient address rejected: Access denied.",
        remoteMta: "192.0.2.1",
      }),
    ]),
  },
  {
    name: "Gmail: the id in the status part",
    raw: report([
      text("** Address not found **"),
      statusPart([
        ["Reporting-MTA: dns; googlemail.com", `X-Original-Message-ID: ${originalId}`],
        [
          "Final-Recipient: rfc822; bob@example.net",
          "Action: failed",
          "Status: 5.1.1",
          "Diagnostic-Code: smtp; 550-5.1.1 No such user.",
          " 550 5.1.1 Learn more - gsmtp",
        ],
      ]),
    ]),
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.1.1",
        code: 550,
        diagnostic: "550-5.1.1 No such user. 550 5.1.1 Learn more - gsmtp",
      }),
    ]),
  },
  {
    name: "in UTF-8 (RFC 6533), with the original in base64",
    raw: report([
      text("x"),
      statusPart(
        [
          perMessage,
          [
            "Original-Recipient: utf-8; b\\x{F6}b@example.net",
            `Final-Recipient: utf-8; ${utf8("böb@example.net")}`,
            "Action: failed",
            "Status: 5.6.7",
          ],
        ],
        "message/global-delivery-status",
      ),
      part(["Content-Type: message/global", "Content-Transfer-Encoding: base64"], base64(original)),
    ]),
    dsn: dsn([recipient("böb@example.net", { status: "5.6.7" })]),
  },
  {
    name: "a status part in base64, and an id only in References",
    raw: report(
      [
        text("x"),
        part(
          ["Content-Type: message/delivery-status", "Content-Transfer-Encoding: base64"],
          base64(
            lines(...perMessage, "", "Final-Recipient: rfc822; bob@example.net", "Action: failed", "Status: 5.7.1"),
          ),
        ),
      ],
      [...daemon, `References: <older@x> ${originalId}`],
    ),
    dsn: dsn([recipient("bob@example.net", { status: "5.7.1" })]),
  },
  {
    name: "with a list's footer around it, of bare LFs",
    raw: (
      lines(...daemon) +
      multipart("mixed", "m", [
        multipart(
          "report",
          "r",
          [
            text("x"),
            statusPart([["Final-Recipient: rfc822; bob@example.net", "Action: failed", "Status: 5.1.1"]]),
            returned,
          ],
          "; report-type=delivery-status",
        ),
        text("-- ", "list footer"),
      ])
    ).replaceAll("\r\n", "\n"),
    dsn: dsn([recipient("bob@example.net", { status: "5.1.1" })]),
  },
  {
    name: "a report that names nobody, whose text does",
    raw: report([text(`<bob@example.net>: ${refused}`, "could not be delivered"), statusPart([perMessage]), returned]),
    dsn: dsn([
      recipient("bob@example.net", { status: "5.1.1", code: 550, diagnostic: `${refused} could not be delivered` }),
    ]),
  },
  {
    name: "a report that names nobody at all",
    raw: report([text("x"), statusPart([perMessage, ["Action: failed", "Status: 5.0.0"]]), returned]),
    dsn: dsn([]),
  },
  {
    name: "Amazon WorkMail: no report, the fields in the text",
    raw:
      lines(...daemon, 'Content-Type: multipart/mixed; boundary="m"') +
      lines(
        "",
        "--m",
        "Content-Type: text/plain",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "An error occurred while trying to deliver the mail to the following recip=",
        "ients:",
        "bob@example.net",
        "",
        "Technical report:",
        "",
        "Reporting-MTA: dsn; a.example",
        "",
        "Action: failed",
        "Final-Recipient: rfc822; bob@example.net",
        "Diagnostic-Code: smtp; 550 5.1.1 no",
        "Status: 5.1.1",
        "",
        "--m",
        "Content-Type: message/rfc822",
        "",
      ) +
      `${original}\r\n--m--\r\n`,
    dsn: dsn([recipient("bob@example.net", { status: "5.1.1", code: 550, diagnostic: "550 5.1.1 no" })]),
  },
];

const eximIntro = [
  "This message was created automatically by mail delivery software.",
  "",
  "A message that you sent could not be delivered to one or more of its",
  "recipients. This is a permanent error. The following address(es) failed:",
  "",
];
const eximFields = (failed: string[]): string[] => [
  "Return-path: <>",
  ...failed.map((email) => `X-Failed-Recipients: ${email}`),
  "Auto-Submitted: auto-replied",
  "From: Mail Delivery System <Mailer-Daemon@mx.example.com>",
  "To: ann@example.com",
  "Subject: Mail delivery failed: returning message to sender",
];
const plainMail = (fields: string[], ...body: string[]): string => `${lines(...fields, "")}${lines(...body)}`;

const odd: Bounce[] = [
  {
    name: "Exim",
    raw:
      plainMail(
        eximFields(["bob@example.net,", "  cat@example.net"]),
        ...eximIntro,
        "  bob@example.net",
        "    SMTP error from remote mail server after RCPT TO:<bob@example.net>:",
        "    host mx.example.net [192.0.2.1]: 550 5.1.1 <bob@example.net>:",
        "    no such user",
        "  cat@example.net",
        "    Unrouteable address",
        "",
        "------ This is a copy of the message, including all the headers. ------",
        "",
      ) + original,
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.1.1",
        code: 550,
        diagnostic:
          "SMTP error from remote mail server after RCPT TO:<bob@example.net>: host mx.example.net [192.0.2.1]: 550 5.1.1 <bob@example.net>: no such user",
        remoteMta: "mx.example.net",
      }),
      recipient("cat@example.net", { diagnostic: "Unrouteable address" }),
    ]),
  },
  {
    name: "Exim: an alias",
    raw:
      plainMail(
        eximFields(["bob@inner.example"]),
        ...eximIntro,
        "  bob@inner.example",
        "    (generated from bob@example.net)",
        "    mailbox is full",
        "",
        "------ This is a copy of the message, including all the headers. ------",
        "",
      ) + original,
    dsn: dsn([recipient("bob@example.net", { diagnostic: "mailbox is full" })]),
  },
  {
    name: "Exim: a delay",
    raw: plainMail(
      [
        "Auto-Submitted: auto-replied",
        "From: Mail Delivery System <Mailer-Daemon@mx.example.com>",
        "Subject: Warning: message 1x delayed 24 hours",
      ],
      "This message was created automatically by mail delivery software.",
      "A message that you sent has not yet been delivered to one or more of its",
      "recipients after more than 24 hours on the queue on mx.example.com.",
      "",
      "The message identifier is:     1x",
      "The subject of the message is: Hello",
      "",
      "The address to which the message has not yet been delivered is:",
      "",
      "  bob@example.net",
      "    host mx.example.net [192.0.2.1]",
      "    Delay reason: 450 4.2.1 wait",
      "",
      "No action is required on your part. Delivery attempts will continue for",
      "some time.",
    ),
    dsn: dsn(
      [
        recipient("bob@example.net", {
          action: "delayed",
          status: "4.2.1",
          code: 450,
          diagnostic: "host mx.example.net [192.0.2.1] Delay reason: 450 4.2.1 wait",
          remoteMta: "mx.example.net",
        }),
      ],
      { kind: "delayed", originalMessageId: null },
    ),
  },
  {
    name: "Mail.ru: Exim's twice, in Russian first, in base64",
    raw:
      lines(
        ...eximFields(["bob@example.net"]),
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
      ) +
      base64(
        utf8("Ваше письмо не может быть доставлено:\r\n\r\n") +
          lines(
            "  bob@example.net",
            "    host mx.example.net [192.0.2.1]: 552 5.2.2 full",
            "",
            "**********",
            "",
            ...eximIntro,
            "  bob@example.net",
            "    host mx.example.net [192.0.2.1]: 552 5.2.2 full",
            "",
            "------ This is a copy of the message, including all the headers. ------",
            "",
          ) +
          original,
      ),
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.2.2",
        code: 552,
        diagnostic: "host mx.example.net [192.0.2.1]: 552 5.2.2 full",
        remoteMta: "mx.example.net",
      }),
    ]),
  },
  {
    name: "old Gmail: the reason in paragraphs of its own",
    raw:
      plainMail(
        [
          "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
          "X-Failed-Recipients: bob@example.net",
          "Subject: Delivery Status Notification (Failure)",
        ],
        "Delivery to the following recipient failed permanently:",
        "",
        "     bob@example.net",
        "",
        "Technical details of permanent failure:",
        "Google tried to deliver your message, but it was rejected by the server for the recipient domain example.net by mx.example.net. [192.0.2.1].",
        "",
        "The error that the other server returned was:",
        "550 5.1.1 unknown",
        "",
        "----- Original message -----",
        "",
      ) + original,
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.1.1",
        code: 550,
        diagnostic:
          "Technical details of permanent failure: Google tried to deliver your message, but it was rejected by the server for the recipient domain example.net by mx.example.net. [192.0.2.1]. The error that the other server returned was: 550 5.1.1 unknown",
        remoteMta: "mx.example.net",
      }),
    ]),
  },
  {
    name: "GMX: the address in quotes, and the original's header alone",
    raw:
      plainMail(
        ["From: MAILER-DAEMON@mail.gmx.com", "Subject: Mail delivery failed: returning message to sender"],
        "This message was created automatically by mail delivery software.",
        "",
        "A message that you sent could not be delivered to one or more of",
        "its recipients. This is a permanent error. The following address",
        "failed:",
        "",
        '"bob@example.net":',
        "SMTP error from remote server after RCPT command:",
        "host: mx.example.net",
        "5.2.2 full",
        "",
        "--- The header of the original message is following. ---",
        "",
      ) + originalHeader,
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.2.2",
        diagnostic: "SMTP error from remote server after RCPT command: host: mx.example.net 5.2.2 full",
        remoteMta: "mx.example.net",
      }),
    ]),
  },
  {
    name: "qmail",
    raw:
      plainMail(
        ["Return-Path: <>", "From: MAILER-DAEMON@mx.example.com", "To: ann@example.com", "Subject: failure notice"],
        "Hi. This is the qmail-send program at mx.example.com.",
        "I'm afraid I wasn't able to deliver your message to the following addresses.",
        "This is a permanent error; I've given up. Sorry it didn't work out.",
        "",
        "<bob@example.net>:",
        "192.0.2.1 does not like recipient.",
        "Remote host said: 550 5.7.1 blocked, ask",
        "postmaster@example.net",
        "Giving up on 192.0.2.1.",
        "",
        "<cat@example.net>:",
        "Sorry, I couldn't find any host named example.net. (#5.1.2)",
        "",
        "--- Below this line is a copy of the message.",
        "",
      ) + original,
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.7.1",
        code: 550,
        diagnostic:
          "192.0.2.1 does not like recipient. Remote host said: 550 5.7.1 blocked, ask postmaster@example.net Giving up on 192.0.2.1.",
        remoteMta: null,
      }),
      recipient("cat@example.net", {
        status: "5.1.2",
        diagnostic: "Sorry, I couldn't find any host named example.net. (#5.1.2)",
      }),
    ]),
  },
  {
    name: "Yahoo",
    raw:
      plainMail(
        ["From: MAILER-DAEMON@yahoo.com", "Subject: Failure Notice"],
        "Sorry, we were unable to deliver your message to the following address.",
        "",
        "<bob@example.net>:",
        "Remote host said: 552 5.2.2 Mailbox full [RCPT_TO]",
        "",
        "--- Below this line is a copy of the message.",
        "",
      ) + original,
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.2.2",
        code: 552,
        diagnostic: "Remote host said: 552 5.2.2 Mailbox full [RCPT_TO]",
      }),
    ]),
  },
  {
    name: "Postfix before RFC 3464",
    raw:
      plainMail(
        ["From: MAILER-DAEMON@mx.example.com (Mail Delivery System)", "Subject: Undelivered Mail Returned to Sender"],
        "This is the Postfix program at host mx.example.com.",
        "",
        "I'm sorry to have to inform you that the message returned",
        "below could not be delivered to one or more destinations.",
        "",
        "\t\t\tThe Postfix program",
        "",
        "<bob@example.net>: host mx.example.net[192.0.2.1] said: 550",
        `    <bob@example.net>: unknown`,
        "",
        "<cat@example.net> (expanded from <list@example.com>): mail for example.net loops back",
        "    to myself",
        "",
        "Original message follows.",
        "",
      ) + original,
    dsn: dsn([
      recipient("bob@example.net", {
        code: 550,
        diagnostic: "host mx.example.net[192.0.2.1] said: 550 <bob@example.net>: unknown",
        remoteMta: "mx.example.net",
      }),
      recipient("list@example.com", { diagnostic: "mail for example.net loops back to myself" }),
    ]),
  },
  {
    name: "sendmail behind a gateway that has taken the report apart",
    raw:
      plainMail(
        ["From: Mail Delivery Subsystem <MAILER-DAEMON>", "Subject: Returned mail: see transcript for details"],
        "The original message was received at Mon, 23 Nov 2026 07:00:00 GMT",
        "",
        "   ----- The following addresses had permanent fatal errors -----",
        "<bob@example.net>",
        "    (reason: 550 5.1.1 unknown)",
        "",
        "   ----- Transcript of session follows -----",
        "... while talking to mx.example.net.:",
        ">>> DATA",
        "<<< 550 5.1.1 unknown",
        "",
        "   ----- Original message follows -----",
        "",
      ) + original,
    dsn: dsn([recipient("bob@example.net", { status: "5.1.1", code: 550, diagnostic: "(reason: 550 5.1.1 unknown)" })]),
  },
  {
    name: "DragonFly: one address, in a sentence",
    raw:
      plainMail(
        ["From: MAILER-DAEMON <>", "Subject: Mail delivery failed"],
        "This is the DragonFly Mail Agent at mx.example.com.",
        "",
        "There was an error delivering your mail to <bob@example.net>.",
        "",
        "mx.example.net [192.0.2.1] did not like our RCPT TO:",
        "550 5.1.1 unknown",
        "",
        "Message headers follow.",
        "",
      ) + originalHeader,
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.1.1",
        code: 550,
        diagnostic:
          "This is the DragonFly Mail Agent at mx.example.com. There was an error delivering your mail to <bob@example.net>. mx.example.net [192.0.2.1] did not like our RCPT TO: 550 5.1.1 unknown",
        remoteMta: "mx.example.net",
      }),
    ]),
  },
  {
    name: "a postmaster's, with the words of SMTP",
    raw:
      plainMail(
        ["Return-Path: <>", "From: postmaster@example.net", "Subject: Undeliverable: Hello"],
        "Delivery has failed to these recipients or groups:",
        "",
        "bob@example.net",
        "Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'",
        "",
        "Original message headers:",
        "",
      ) + originalHeader,
    dsn: dsn([
      recipient("bob@example.net", {
        status: "5.1.1",
        code: 550,
        diagnostic: "Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'",
      }),
    ]),
  },
];

const person = [
  "Return-Path: <ann@example.com>",
  "From: Ann <ann@example.com>",
  "To: bob@example.net",
  "Subject: Fwd: Undelivered Mail Returned to Sender",
];
const qmailText = [
  "Hi. This is the qmail-send program at mx.example.com.",
  "I'm afraid I wasn't able to deliver your message.",
  "",
  "<bob@example.net>:",
  "550 5.1.1 unknown",
];

const others: Bounce[] = [
  { name: "mail", raw: plainMail(["From: ann@example.com", "Subject: Hello"], "Hi."), dsn: null },
  { name: "nothing", raw: "", dsn: null },
  { name: "somebody who quotes a bounce", raw: plainMail(person, "Look what came:", "", ...qmailText), dsn: null },
  {
    name: "somebody who forwards one as a file",
    raw:
      lines(...person) +
      multipart("mixed", "m", [
        text("Look!"),
        part(
          ["Content-Type: message/rfc822"],
          report([
            text("x"),
            statusPart([["Final-Recipient: rfc822; x@y.z", "Action: failed", "Status: 5.0.0"]]),
            returned,
          ]),
        ),
      ]),
    dsn: null,
  },
  {
    name: "somebody who forwards its parts",
    raw:
      lines(...person) +
      multipart("mixed", "m", [
        text("Look!"),
        statusPart([["Final-Recipient: rfc822; x@y.z", "Action: failed", "Status: 5.0.0"]]),
        returned,
      ]),
    dsn: null,
  },
  {
    name: "a vacation reply",
    raw: plainMail(
      [
        "Return-Path: <>",
        "Auto-Submitted: auto-replied (vacation)",
        "From: Bob <bob@example.net>",
        "Subject: Out of office: mail delivery failed",
        `In-Reply-To: ${originalId}`,
      ],
      "I'm away. Your message could not be delivered, write to:",
      "",
      "<cat@example.net>: 550 is my office",
    ),
    dsn: null,
  },
  {
    name: "a read receipt",
    raw:
      lines(...daemon) +
      multipart(
        "report",
        "r",
        [
          text("It was displayed. <bob@example.net>: 550 5.1.1 x"),
          part(
            ["Content-Type: message/disposition-notification"],
            lines(
              "Final-Recipient: rfc822; bob@example.net",
              `Original-Message-ID: ${originalId}`,
              "Disposition: manual-action/MDN-sent-manually; displayed",
            ),
          ),
        ],
        "; report-type=disposition-notification",
      ),
    dsn: null,
  },
  {
    name: "a report of abuse",
    raw:
      lines(...daemon) +
      multipart(
        "report",
        "r",
        [
          text("This is spam."),
          part(
            ["Content-Type: message/feedback-report"],
            lines("Feedback-Type: abuse", "Original-Rcpt-To: <bob@example.net>"),
          ),
          returned,
        ],
        "; report-type=feedback-report",
      ),
    dsn: null,
  },
  {
    name: "a postmaster who writes himself",
    raw: plainMail(
      ["From: Postmaster <postmaster@example.net>", "Subject: delivery problems"],
      "Mail to these could not be delivered:",
      "",
      "bob@example.net",
      "Do you know why?",
    ),
    dsn: null,
  },
  {
    name: "a daemon that tells of something else",
    raw: plainMail(
      ["From: MAILER-DAEMON@example.net", "Subject: Welcome"],
      "Your mailbox is ready:",
      "",
      "bob@example.net",
    ),
    dsn: null,
  },
  {
    name: "a mailing list's digest",
    raw:
      lines(...person) +
      multipart("digest", "d", [
        `\r\n${plainMail(["From: MAILER-DAEMON@x.y", "Subject: failure notice"], ...qmailText)}`,
      ]),
    dsn: null,
  },
];

export const bounces: Bounce[] = [...standard, ...odd, ...others];
