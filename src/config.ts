import { z } from "zod";
import { parseNetwork } from "./net/address.ts";
import type { PortRange } from "./net/ports.ts";

/** The environment of a process, or a Worker's bindings that are strings. */
export type Environment = Record<string, string | undefined>;

const kibi = 1024;
const mebi = 1024 * kibi;
const sizeUnits: Record<string, number> = {
  "": 1,
  b: 1,
  kib: kibi,
  mib: mebi,
  gib: 1024 * mebi,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
};
const timeUnits: Record<string, number> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Text that `read` understands; undefined means that it does not, and `rule` says what it must be. */
function text<T>(rule: string, read: (text: string) => T | undefined) {
  return z.string().transform((given, context) => {
    const value = read(given.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: `must be ${rule}` });
    return z.NEVER;
  });
}

function amount(given: string, units: Record<string, number>): number {
  const [, digits = "", unit = ""] = /^(\d{1,15})\s*([a-z]*)$/i.exec(given) ?? [];
  const factor = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined;
  return digits === "" || factor === undefined ? Number.NaN : Number(digits) * factor;
}

const within = (value: number, min: number, max: number) => (value >= min && value <= max ? value : undefined);

const integer = (min: number, max: number) =>
  text(`a whole number from ${min} to ${max}`, (given) => within(amount(given, { "": 1 }), min, max));

const size = (min: number, max: number) =>
  text(`a size from ${min} to ${max} octets, such as 1048576, 512 KiB or 1 MiB`, (given) =>
    within(amount(given, sizeUnits), min, max),
  );

const seconds = (min: number, max: number) =>
  text(`a time from ${min} to ${max} seconds, such as 20, 20s or 1m`, (given) =>
    within(amount(given, timeUnits), min, max),
  );

const secret = (rule: string, form: RegExp) => text(rule, (given) => (form.test(given) ? given : undefined));

const oneOf = <const T extends string>(words: readonly T[]) =>
  text(words.join(" or "), (given) => words.find((word) => word === given));

const flag = text("true or false", (given) =>
  ["true", "1"].includes(given) ? true : ["false", "0"].includes(given) ? false : undefined,
);

const items = (given: string) =>
  given
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

const networks = text("CIDR networks with commas between, such as 10.0.0.0/8,fd00::/8", (given) =>
  items(given).every((item) => parseNetwork(item) !== null) ? items(given) : undefined,
);

function portRange(item: string): PortRange | undefined {
  const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(item) ?? [];
  const range = { from: Number(from), to: Number(to) };
  return range.from >= 1 && range.from <= range.to && range.to <= 65_535 ? range : undefined;
}

const ports = text<PortRange[] | "all">(
  "ports and ranges with commas between, such as 2143,3000-3010, or *",
  (given) => {
    if (given === "*") return "all";
    const ranges = items(given).map(portRange);
    return ranges.every((range) => range !== undefined) ? ranges : undefined;
  },
);

const publicUrl = text("an http:// or https:// URL without user, query and fragment", (given) => {
  const url = URL.canParse(given) ? new URL(given) : null;
  const plain =
    url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "" && url.hash === "";
  return plain ? given.replace(/\/+$/, "") : undefined;
});

const databaseUrl = text("a file: or postgres:// URL", (given) =>
  /^(?:file:.|postgres(?:ql)?:\/\/.)/.test(given) ? given : undefined,
);

const longSecret = secret("at least 32 characters long", /^.{32,}$/s);
const adminKey = secret("at least 32 visible ASCII characters, without spaces", /^[\x21-\x7e]{32,}$/);

/** A variable with its fallback as text, in the order of --help; no fallback: null, and `otherwise` says what happens then. */
const set = <T extends z.ZodType<unknown, string>>(schema: T, fallback: string, help: string): z.ZodPrefault<T> =>
  z.prefault(schema, fallback as z.input<T>).meta({ help, otherwise: fallback });

const unset = <T extends z.ZodType<unknown, string>>(schema: T, otherwise: string, help: string) =>
  schema.nullable().prefault(null).meta({ help, otherwise });

const word = z.string();

const variables = z.strictObject({
  POSTERN_HOST: set(word, "127.0.0.1", "Address to listen on; 0.0.0.0 or :: for all."),
  POSTERN_PORT: set(integer(0, 65_535), "3025", "Port to listen on; 0 for any free one."),
  POSTERN_PUBLIC_URL: unset(
    publicUrl,
    "none",
    "Where callers reach this server, such as https://mail.example.org. It stands in /openapi.json; https turns on HSTS.",
  ),
  POSTERN_DATA: set(word, "./data", "Folder of postern.db and of the sealing secret."),
  POSTERN_DATABASE_URL: unset(
    databaseUrl,
    "postern.db in POSTERN_DATA",
    "file:/path/to/postern.db for SQLite, postgres://user:password@host/name for Postgres.",
  ),
  POSTERN_SECRET: unset(
    longSecret,
    "made at the first start",
    "Sealing secret, under which the accounts' passwords are encrypted; at least 32 characters. Who loses it loses them.",
  ),
  POSTERN_SECRET_FILE: unset(
    word,
    "secret in POSTERN_DATA",
    "File with the sealing secret, in place of POSTERN_SECRET.",
  ),
  POSTERN_SECRET_PREVIOUS: unset(
    longSecret,
    "none",
    "The sealing secret before this one, for the start that changes it; needed no more once that start has been told to listen.",
  ),
  POSTERN_ADMIN_KEY: unset(
    adminKey,
    "none",
    "An operator key of your own making, at least 32 characters. With it the first start makes and prints no keys.",
  ),
  POSTERN_ALLOW_NETWORKS: set(
    networks,
    "",
    "Private networks that mail servers and webhook receivers may be in: CIDR, with commas between.",
  ),
  POSTERN_ALLOW_PORTS: set(
    ports,
    "",
    "Ports that mail servers may have besides 993 143 995 110 465 587 2525, and webhook receivers besides 443 8443: a list, ranges, or *.",
  ),
  POSTERN_ALLOW_INSECURE: set(flag, "false", 'Whether accounts may have security "none": passwords and mail in clear.'),
  POSTERN_MAX_BODY: set(size(kibi, 64 * mebi), "1 MiB", "Largest JSON body; submissions have their own limit, 35 MiB."),
  POSTERN_MAX_MESSAGE: set(
    size(64 * kibi, 1024 * mebi),
    "50 MiB",
    "Largest message or upload that a caller may send; reading is not bound by it.",
  ),
  POSTERN_EVENT_DAYS: set(integer(1, 3650), "30", "How many days events are kept: who was away for longer lists anew."),
  POSTERN_WATCH_WINDOW: set(
    integer(100, 1_000_000),
    "10000",
    "In how many of a folder's newest messages changes, moves and deletions are noticed. New mail always is.",
  ),
  POSTERN_LEASE_SECONDS: set(seconds(5, 600), "20", "How long a replica may be silent before another takes its work."),
  POSTERN_LOG_LEVEL: set(oneOf(["debug", "info", "warn", "error"]), "info", "debug, info, warn or error."),
});

/** Everything that the operator decides; `compose` hands each room its slice. Sizes in octets. */
export type Config = ReturnType<typeof slices>;

function slices(values: z.output<typeof variables>) {
  return {
    http: {
      host: values.POSTERN_HOST,
      port: values.POSTERN_PORT,
      /** No slash at the end. */
      publicUrl: values.POSTERN_PUBLIC_URL,
      maxBody: values.POSTERN_MAX_BODY,
    },
    store: { directory: values.POSTERN_DATA, databaseUrl: values.POSTERN_DATABASE_URL },
    vault: {
      directory: values.POSTERN_DATA,
      secret: values.POSTERN_SECRET,
      secretFile: values.POSTERN_SECRET_FILE,
      previousSecret: values.POSTERN_SECRET_PREVIOUS,
    },
    keys: { adminKey: values.POSTERN_ADMIN_KEY },
    network: {
      allowNetworks: values.POSTERN_ALLOW_NETWORKS,
      /** Added to the mail ports. */
      allowPorts: values.POSTERN_ALLOW_PORTS,
      allowInsecure: values.POSTERN_ALLOW_INSECURE,
    },
    log: { level: values.POSTERN_LOG_LEVEL },
    messages: { maxMessage: values.POSTERN_MAX_MESSAGE },
    events: { days: values.POSTERN_EVENT_DAYS },
    watch: { window: values.POSTERN_WATCH_WINDOW },
    leases: { seconds: values.POSTERN_LEASE_SECONDS },
  };
}

/** What is wrong with the environment, all of it, ready to be printed. Values are not in it: they may be secrets. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Reads the environment once. What does not begin with POSTERN_ is not looked at; an empty value counts as not set.
 * Throws a `ConfigError` that names everything that is wrong.
 */
export function readConfig(environment: Environment): Config {
  const ours = Object.entries(environment).filter(([name, value]) => name.startsWith("POSTERN_") && value !== "");
  const result = variables.safeParse(Object.fromEntries(ours));
  const wrong = result.success ? [] : result.error.issues.flatMap(complaints);
  if (environment["POSTERN_SECRET"] && environment["POSTERN_SECRET_FILE"]) {
    wrong.push("POSTERN_SECRET and POSTERN_SECRET_FILE are both set; leave one out");
  }
  if (!result.success || wrong.length > 0) {
    const list = wrong.map((complaint) => `  - ${complaint}\n`).join("");
    throw new ConfigError(`Postern can't start with this environment:\n${list}\nEach variable is explained by --help.`);
  }
  return slices(result.data);
}

function complaints(issue: z.core.$ZodIssue): string[] {
  if (issue.code !== "unrecognized_keys") return [`${String(issue.path[0])} ${issue.message}`];
  return issue.keys.map((name) => {
    const meant = nearest(name, Object.keys(variables.shape));
    return `${name} is not a variable of Postern${meant === null ? "" : `; did you mean ${meant}?`}`;
  });
}

/** The candidate with the fewest single-character edits between, when they are few. */
function nearest(name: string, candidates: string[]): string | null {
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: distance(name, candidate) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= 4 ? best.candidate : null;
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const metaForm = z.object({ help: z.string(), otherwise: z.string() });

/** What --help prints: each variable with its default and what it does, at most `columns` wide. */
export function helpText(columns = 80): string {
  const entries = Object.entries(variables.shape).map(([name, schema]) => {
    const { help, otherwise } = metaForm.parse(schema.meta());
    return `  ${name} (${otherwise === "" ? "none" : otherwise})\n${wrap(help, "      ", columns)}`;
  });
  const intro = wrap(
    "Postern turns any mailbox into an HTTP resource. It takes no arguments; these environment variables set it up. " +
      "What is in parentheses holds where a variable is not set.",
    "",
    columns,
  );
  return `Usage: npm start\n\n${intro}\n${entries.join("\n")}`;
}

function wrap(words: string, indent: string, columns: number): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of words.split(" ")) {
    if (line.length > indent.length && line.length + word.length + 1 > columns) {
      lines.push(line);
      line = indent;
    }
    line += line.length === indent.length ? word : ` ${word}`;
  }
  return `${[...lines, line].join("\n")}\n`;
}
