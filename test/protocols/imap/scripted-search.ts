import { fieldsItem, type Script } from "./scripted-imap.ts";

/** A message of the folder; `words` are the criteria that find it. */
export type Mail = { uid: number; flags?: string; at?: string; words?: string[]; attached?: boolean };

export type SearchFolder = {
  mails: Mail[];
  script: Script;
  /** Answers such a line instead (after the tag), as long as it says something. */
  refuse: (command: string) => string | undefined;
  /** Whether a criterion finds a message. */
  finds: (mail: Mail, key: string) => boolean;
  /** UIDs that are gone once the next UID command or NOOP is answered. */
  expunge: (...uids: number[]) => void;
};

const oneDay = "01-Jan-2026 10:00:00 +0000";

/** As much of a server as searching one folder needs. What it announces is the dialog's to say: here it can all. */
export function searchFolder(mails: Mail[]): SearchFolder {
  let gone = new Set<number>();
  let literal: { command: string; tag: string } | null = null;
  const folder: SearchFolder = {
    mails,
    refuse: () => undefined,
    finds,
    expunge: (...uids) => void (gone = new Set([...gone, ...uids])),
    script(line, lineTag) {
      if (/\{\d+\}$/.test(line)) {
        literal = { command: line, tag: lineTag };
        return "+ go on\r\n";
      }
      const { command, tag } = literal ?? { command: line, tag: lineTag };
      literal = null;
      const refused = folder.refuse(command);
      if (refused !== undefined) return refused === "" ? "" : `${tag} ${refused}\r\n`;
      if (command.startsWith("SELECT")) {
        return `* ${folder.mails.length} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 4294967295] n\r\n${tag} OK [READ-WRITE] done\r\n`;
      }
      const answer = answerTo(folder, command, tag) ?? "";
      if (!/^(UID|NOOP)/.test(command)) return answer === "" ? undefined : `${answer}${tag} OK done\r\n`;
      return `${answer}${forget()}${tag} OK done\r\n`;
    },
  };
  const forget = (): string => {
    let told = "";
    for (let index = folder.mails.length - 1; index >= 0; index--) {
      if (!gone.has(folder.mails[index]?.uid ?? 0)) continue;
      told += `* ${index + 1} EXPUNGE\r\n`;
    }
    folder.mails = folder.mails.filter(({ uid }) => !gone.has(uid));
    gone = new Set();
    return told;
  };
  return folder;
}

function answerTo(folder: Pick<SearchFolder, "mails" | "finds">, command: string, tag: string): string | undefined {
  const { mails } = folder;
  const fetch = /^(UID )?FETCH (\S+) (.*)$/.exec(command);
  if (fetch) {
    const [, byUid, set = "", items = ""] = fetch;
    const isMeant = inSet(set, byUid ? (mails.at(-1)?.uid ?? 0) : mails.length);
    return mails
      .flatMap((mail, index) => (isMeant(byUid ? mail.uid : index + 1) ? [row(mail, index + 1, items)] : []))
      .join("");
  }
  const search = /^(UID )?SEARCH (?:RETURN \((.*?)\) )?(?:CHARSET \S+ )?(.*)$/.exec(command);
  if (!search) return undefined;
  const [, byUid, how, where = ""] = search;
  const [, window, uids, key = ""] = /^(?:(\d+:\d+) ?)?(?:UID (\S+) ?)?(.*)$/.exec(where) ?? [];
  const isIn = inSet(window ?? "1:*", mails.length);
  const isMeant = inSet(uids ?? "1:*", mails.at(-1)?.uid ?? 0);
  const found = mails.flatMap((mail, index) => {
    const isFound = isIn(index + 1) && isMeant(mail.uid) && folder.finds(mail, key);
    return isFound ? [byUid ? mail.uid : index + 1] : [];
  });
  if (how === undefined) return `* SEARCH ${found.join(" ")}\r\n`;
  const begin = `* ESEARCH (TAG "${tag}") UID`;
  if (how === "COUNT") return `${begin} COUNT ${found.length}\r\n`;
  if (how === "ALL") return `${begin}${found.length > 0 ? ` ALL ${setOf(found)}` : ""}\r\n`;
  const [, range = "", from = "", to = ""] = /^PARTIAL ((-?\d+):(-?\d+))$/.exec(how) ?? [];
  const part = Number(from) < 0 ? found.slice(Number(to)) : found.slice(Number(from) - 1, Number(to));
  return `${begin} PARTIAL (${range} ${part.length > 0 ? setOf(part) : "NIL"})\r\n`;
}

function finds({ flags = "", words = [] }: Mail, key: string): boolean {
  if (key === "" || key === "ALL") return true;
  if (key === "UNSEEN") return !flags.includes("Seen");
  if (key === "SEEN") return flags.includes("Seen");
  return words.some((word) => key.includes(word));
}

function row({ uid, flags = "", at = oneDay, attached = false }: Mail, sequence: number, items: string): string {
  const text = `("text" "plain" NIL NIL NIL "7bit" 5 1)`;
  const file = `("text" "plain" NIL NIL NIL "7bit" 5 1 NIL ("attachment" ("filename" "a.txt")))`;
  const fields = `Subject: s${uid}\r\n\r\n`;
  const told = [
    `UID ${uid}`,
    ...(items.includes("FLAGS") ? [`FLAGS (${flags})`] : []),
    ...(items.includes("INTERNALDATE") ? [`INTERNALDATE "${at}"`] : []),
    ...(items.includes("RFC822.SIZE") ? ["RFC822.SIZE 100"] : []),
    ...(items.includes("BODYSTRUCTURE") ? [`BODYSTRUCTURE ${attached ? `(${text}${file} "mixed")` : text}`] : []),
    ...(items.includes("HEADER.FIELDS") ? [fieldsItem(fields)] : []),
  ];
  return `* ${sequence} FETCH (${told.join(" ")})\r\n`;
}

function inSet(set: string, last: number): (number: number) => boolean {
  const ranges = set.split(",").map((range) => {
    const [from = 0, to = from] = range.split(":").map((end) => (end === "*" ? last : Number(end)));
    return { from: Math.min(from, to), to: Math.max(from, to) };
  });
  return (number) => ranges.some(({ from, to }) => number >= from && number <= to);
}

/** Ranges, as a server makes them of many. */
function setOf(numbers: number[]): string {
  const ranges: string[] = [];
  for (let start = 0, end = 0; start < numbers.length; start = end + 1) {
    for (end = start; numbers[end + 1] === (numbers[end] ?? 0) + 1;) end++;
    ranges.push(start === end ? `${numbers[start]}` : `${numbers[start]}:${numbers[end]}`);
  }
  return ranges.join(",");
}
