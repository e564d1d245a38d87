import { z } from "@hono/zod-openapi";
import { folderRoles } from "../../mail/folder.ts";
import { maxQueryLength } from "../../mail/parse-search-query.ts";
import { searchLimits } from "../../mail/search.ts";
import { mailboxErrors } from "../accounts/schema.ts";
import { booleanQuery, id, integerQuery, oneLine, pageOf, timestampInput } from "../schemas.ts";
import { includeList } from "./include-query.ts";
import { folderQuery, message } from "./schema.ts";

const part = (description: string) => oneLine(searchLimits.value).optional().openapi({ description });

const texts = {
  from: part("Part of the From header, in any case."),
  to: part("Part of the To header."),
  cc: part("Part of the Cc header."),
  bcc: part("Part of the Bcc header, which mostly drafts and sent messages have."),
  subject: part("Part of the subject."),
  text: part("Part of any header field or of the body."),
  body: part("Part of the body."),
  filename: part("Part of an attachment's name."),
  messageId: part("The Message-ID, whole, with its angle brackets."),
};

const states = {
  unseen: "Only unread (true) or read (false) ones.",
  flagged: "Only flagged ones (true), or the others (false).",
  answered: "Only answered ones (true), or the others (false).",
  draft: "Only drafts (true), or the others (false).",
  hasAttachment: "Only those with an attachment (true), or without one (false).",
};

const sizes = { largerThan: "More octets than this, as stored.", smallerThan: "Fewer octets than this, as stored." };
const times = { since: "Received at or after, to the millisecond.", before: "Received before, to the millisecond." };
const maxOctets = Number.MAX_SAFE_INTEGER;

function each<N extends string, T>(names: Record<N, string>, schema: (description: string) => T): Record<N, T> {
  return Object.fromEntries(Object.entries<string>(names).map(([name, words]) => [name, schema(words)])) as Record<
    N,
    T
  >;
}

const time = (description: string) => timestampInput.optional().openapi({ format: "date-time", description });

/** Repeated in a query; a comma is part of the value. */
function repeated(max: number, description: string, example: string) {
  return z
    .union([oneLine(searchLimits.value), z.array(oneLine(searchLimits.value)).max(max)])
    .transform((given) => (Array.isArray(given) ? given : [given]))
    .optional()
    .openapi({ type: "array", items: { type: "string" }, maxItems: max, description, example: [example] });
}

const q = z
  .string()
  .min(1)
  .max(maxQueryLength)
  .optional()
  .openapi({
    description:
      "A search as people type it: words, phrases in quotes, and operators such as `from:` `subject:` `is:unread` " +
      "`has:attachment` `after:` `in:`, with `-`, `OR` and brackets; see docs/search.md.",
    example: 'from:ann subject:"q3 report" is:unread',
  });

/** What a listing may be narrowed by in its query, beside the folder; all of it must be true. */
export const filterQuery = {
  q,
  ...texts,
  ...each(times, time),
  ...each(states, (description) => booleanQuery.optional().openapi({ type: "boolean", description })),
  ...each(sizes, (description) =>
    integerQuery(0, maxOctets).optional().openapi({ type: "integer", minimum: 0, maximum: maxOctets, description }),
  ),
  keyword: repeated(20, "Has this keyword, in any case; repeated: all of them.", "$Forwarded"),
  header: repeated(
    20,
    "Has a header field of this name, or, as `Name: value`, one that holds the value; repeated: all of them.",
    "List-Id: announce",
  ),
};

/** Names in the query that may be repeated. */
export const repeatableFilters = ["keyword", "header"];

const treeFilters = {
  ...texts,
  ...each(times, time),
  ...each(states, (description) => z.boolean().optional().openapi({ description })),
  ...each(sizes, (description) => z.int().min(0).max(maxOctets).optional().openapi({ description })),
  keyword: part("Has this keyword, in any case.").openapi({ example: "$Forwarded" }),
  header: part("Has a header field of this name, or, as `Name: value`, one that holds the value.").openapi({
    example: "List-Id: announce",
  }),
  inFolder: folderQuery.optional().openapi({ description: "Lies in this folder: its id, or a role." }),
};

/** Conditions and operators; all that stand in one object must be true. */
export type SearchTree = z.infer<z.ZodObject<typeof treeFilters>> & {
  and?: SearchTree[] | undefined;
  or?: SearchTree[] | undefined;
  not?: SearchTree | undefined;
};

export const searchTree: z.ZodType<SearchTree> = z
  .strictObject({
    ...treeFilters,
    get and() {
      return z.array(searchTree).min(1).max(searchLimits.nodes).optional().openapi({ description: "All of these." });
    },
    get or() {
      return z.array(searchTree).min(1).max(searchLimits.nodes).optional().openapi({ description: "One of these." });
    },
    get not() {
      return searchTree.optional();
    },
  })
  .refine((tree) => Object.keys(tree).length > 0, { error: "looks for nothing" })
  .openapi("SearchTree", {
    description:
      `Conditions by the names that the list of messages takes, and \`and\`, \`or\`, \`not\` of such trees. All that stand in one object must be ` +
      `true. At most ${searchLimits.depth} levels and ${searchLimits.nodes} conditions and operators.`,
  });

/** Where to search: a folder, or all that hold messages. */
export const searchedFolder = z
  .string()
  .regex(new RegExp(`^(?:fld_[0-9a-v]{26}|${folderRoles.join("|")}|all)$`), {
    error: `is a folder's id, or a role (${folderRoles.join(", ")}), or all`,
  })
  .openapi({
    type: "string",
    description: "A folder's id, a role, or `all`: every folder that holds messages, trash and junk among them.",
  });

/** What a search is about, as a body says it. */
export const searchFields = {
  folder: searchedFolder.default("all"),
  q,
  where: searchTree.optional(),
};

export const order = z.enum(["newest", "oldest"]).default("newest").openapi({
  description: "By arrival: in one folder as the server numbers its messages, in several by `receivedAt`.",
});

export const searchBody = z
  .strictObject({
    ...searchFields,
    order,
    limit: z.int().min(1).max(200).default(50).openapi({ description: "How many to answer at most." }),
    cursor: z.string().min(1).max(100_000).optional().openapi({
      description: "The `nextCursor` of the page before, with the rest of the body unchanged.",
    }),
    count: z.boolean().default(false).openapi({ description: "Count all that match: `meta.total`." }),
    include: includeList,
  })
  .openapi("SearchInput", { example: { q: "is:unread -in:junk", where: { or: [{ from: "ann" }, { cc: "ann" }] } } });

export const searchMeta = z
  .object({
    engine: z.enum(["none", "server", "headers"]).openapi({
      description:
        "Who decided what matches: nobody had to; the mail server's own search, and Postern by what the server tells; Postern " +
        "by the messages' headers.",
    }),
    exact: z.boolean().openapi({
      description:
        "True: just what docs/search.md says of each condition. False: text was found as the mail server sees fit.",
    }),
    undecided: z
      .int()
      .openapi({ description: "Messages passed over on this page, since nobody could tell whether they match." }),
    folders: z.array(id("fld")).openapi({
      description: "The folders that were searched; not those in which nothing can match, nor those that failed.",
    }),
    failed: z
      .array(z.object({ folderId: id("fld"), code: z.string(), detail: z.string() }))
      .openapi({ description: "Folders that could not be searched, and why; what the others hold is told." }),
    total: z.int().optional().openapi({
      description: "With `count`: how many matched when the first page was answered, where it can be told.",
    }),
    coverage: z
      .object({ known: z.int(), of: z.int() })
      .optional()
      .openapi({ description: "On POP3: of how many messages the headers are known so far; absent where of all." }),
  })
  .openapi("SearchMeta");

export const messagePage = pageOf(message).extend({ meta: searchMeta });

/** What a search can fail with. */
export const searchErrors = [...mailboxErrors, "cursor-expired"] as const;
