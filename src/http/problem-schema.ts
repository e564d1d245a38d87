import { failures } from "../errors.ts";

const text = (description: string, example?: string) => ({
  type: "string",
  description,
  ...(example !== undefined && { examples: [example] }),
});

/** JSON Schema of every failure's body. Further members may come with a code (RFC 9457 §3.2). */
export const problemSchema = {
  type: "object",
  description: "What went wrong (RFC 9457). `code` is the stable word to decide by; `detail` and `fix` are for people.",
  required: ["type", "title", "status", "code", "detail", "instance", "requestId", "retryable"],
  properties: {
    type: text("`urn:postern:problem:` and the code.", "urn:postern:problem:not-found"),
    title: text("The code in words.", "There is no such thing here"),
    status: { type: "integer", description: "The HTTP status.", examples: [404] },
    code: { type: "string", description: "From a closed list.", enum: Object.keys(failures), examples: ["not-found"] },
    detail: text("What happened this time, in one sentence.", "There is no app with this id."),
    instance: text("Names this one occurrence.", "urn:postern:request:req_0c8jv4h2m9q6s1t7r3n5k8p0ba"),
    requestId: text("Also in X-Request-Id and in the server's log.", "req_0c8jv4h2m9q6s1t7r3n5k8p0ba"),
    retryable: { type: "boolean", description: "Whether the same request may succeed later.", examples: [false] },
    retryAfter: { type: "number", description: "Seconds to wait first, where we know." },
    fix: text("What you can do about it."),
    errors: {
      type: "array",
      description: "Everything that is wrong with the input.",
      items: {
        type: "object",
        required: ["pointer", "code", "detail"],
        properties: {
          pointer: text("JSON pointer into the body (RFC 6901), or `?name` for a query parameter.", "/name"),
          code: text("What is wrong, as a word.", "required"),
          detail: text("The same in words.", "The field is required."),
        },
      },
    },
    upstream: {
      type: "object",
      description: "What the mail server did, where it was involved.",
      required: ["protocol", "phase", "host"],
      properties: {
        protocol: { type: "string", enum: ["imap", "pop3", "smtp"] },
        phase: text("Where in the dialog: resolve, connect, tls, greeting, login, or the command's name.", "login"),
        host: text("The server's name.", "imap.example.org"),
        status: { type: "integer", description: "The SMTP reply code." },
        responseCode: text("IMAP or POP3 response code, or SMTP enhanced status code.", "UNAVAILABLE"),
        text: text("The server's own words, one line."),
      },
    },
  },
} as const;
