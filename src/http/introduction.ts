/** What the reader of /docs sees first. Markdown. */
export const introduction = `Postern turns a mailbox into an HTTP resource. You store an account's servers and password once; from then on you list,
read, flag, move, delete and send its mail by REST. Behind each call Postern speaks IMAP or SMTP with the mailbox's
own server: the mail stays there.

## Your first call

The first start of Postern prints two keys: an operator key, which makes apps and keys, and an app's key, which works with
mail. Send a key with each request:

    curl http://127.0.0.1:3025/v1/me \\
      -H "Authorization: Bearer pst_…"

## What holds everywhere

- Bodies are JSON in camelCase; times are RFC 3339 in UTC with milliseconds. A field or a query parameter that we don't
  know is refused (422), so that no typing error goes unseen.
- Lists answer \`{data, nextCursor}\`. Hand \`nextCursor\` in as \`cursor\` for the next page; null says that it was the last. The
  event log grows: there \`nextCursor\` is never null, and \`hasMore\` says whether to ask at once.
- Every failure is a problem document (\`application/problem+json\`, RFC 9457). Decide by \`code\`, which comes from a closed
  list; \`retryable\` says whether the same request may work later; \`detail\` and \`fix\` are for people.
- Another app's thing is 404, as if it did not exist.
- A path that knows other methods than yours is 405 with \`Allow\`. HEAD works wherever GET does.
- Each answer carries \`X-Request-Id\`; the server's log line has the same id.

## To be told

Three ways tell the same events under the same ids: the log (\`GET /v1/events\`), a stream to listen to (\`GET /v1/events/stream\`), and
webhooks, which call you. A webhook is a URL of yours with what it wants to know (\`POST /v1/webhooks\`). Each event is POSTed to it as JSON, signed by the
[Standard Webhooks](https://www.standardwebhooks.com) spec: check \`webhook-signature\` with the secret that the webhook's creation answered,
answer 2xx within 15 seconds, and do the work after that. What you don't take comes again, for three days and more, under the same \`webhook-id\`. Events are thin:
fetch the message by its id where you need its text. The section \`webhooks\` of this document has the body of each type.
`;

export const tags = [
  { name: "Apps", description: "An app owns accounts and keys; apps see nothing of each other. Operator key only." },
  { name: "Keys", description: "API keys of an app: what they may do, with which accounts, and for how long." },
  { name: "Me", description: "Who am I to this server?" },
  { name: "Accounts", description: "A mailbox: where its servers are and how to log in." },
  { name: "Folders", description: "An account's folders with their roles and counts." },
  { name: "Messages", description: "List, read, flag, move and delete mail." },
  { name: "Threads", description: "Conversations, with their messages from all folders." },
  { name: "Submissions", description: "Send mail, and see what became of it for each recipient." },
  {
    name: "Events",
    description: "Everything that happens to your accounts, as a log to read and a stream to listen to.",
  },
  {
    name: "Webhooks",
    description:
      "Be called when something happens: signed by the Standard Webhooks spec, repeated until you have it, each delivery to be looked at and sent again.",
  },
  { name: "Operations", description: "Health, metrics and this description; no key needed." },
];
