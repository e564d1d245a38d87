import { Failure, type FailureCode } from "../errors.ts";
import type { Heads, ImapPosition, Mailbox, Page, PositionOf, SearchAnswer } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import { callerLeft } from "../net/unless-left.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { type Found, type Matching, type MatchingAsked, rebuilt, type SearchMeta } from "./matching.ts";
import { onFolder } from "./resolve-folder.ts";
import type { AllStart, FolderMark } from "./search-start.ts";
import type { Target } from "./settle-folders.ts";
import type { SyncFolders } from "./sync-folders.ts";

type Head = Heads["heads"][number];

/** What was heard of a folder, and how much of it has been taken for the page. */
type Lane = Target & {
  uidValidity: number;
  /** Where what was heard begins. */
  after: PositionOf<Place> | null;
  heads: Head[];
  taken: number;
  /** Where to go on behind the heads; null at the folder's end. */
  next: PositionOf<Place> | null;
};

/** So long before the end of the time no folder is asked for more, milliseconds: a short page does as well. */
const reserve = 10_000;

/** Messages that a folder is asked for at first, at least. */
const least = 10;

/** `findMatching` in several folders. */
export async function mergeFolders(
  needs: SyncFolders,
  mailbox: Mailbox,
  account: AccountRow,
  asked: MatchingAsked,
  { targets, start }: { targets: Target[]; start: AllStart },
): Promise<Matching> {
  const { limit, order, until, signal } = asked;
  const marks = new Map(start.marks.map((mark) => [mark.folder, mark]));
  const isCounting = asked.count && asked.start === null;
  const answers: SearchAnswer[] = [];
  const failures = new Map<FolderRow["number"], Failure>();

  /** What a folder has next; null where it fails. */
  async function hear(target: Target, page: Page, count = false): Promise<Lane | null> {
    const search = { expression: target.expression, count, until };
    const { after } = page;
    if (signal?.aborted === true) throw callerLeft();
    try {
      return await onFolder(needs, mailbox, account, target.folder, async (folder) => {
        const { answer, uidValidity, heads, next } = await mailbox.heads(folder.path, page, search);
        answers.push(answer);
        return { ...target, folder, uidValidity, after, heads, taken: 0, next };
      });
    } catch (error) {
      if (mailbox.dead || !(error instanceof Failure) || concernsAll.has(error.code)) throw error;
      failures.set(target.folder.number, error);
      return null;
    }
  }

  const lanes: Lane[] = [];
  for (const { folder, isEmpty } of targets)
    if (isEmpty) marks.set(folder.number, { folder: folder.number, uidValidity: folder.uidValidity, after: null });
  const open = targets.filter(({ folder }) => marks.get(folder.number)?.after !== null);
  // Who has more of the page is asked again, which costs less than what nobody needs of all the others.
  const share = Math.min(limit, Math.max(least, Math.ceil((2 * limit) / open.length)));
  for (const target of open) {
    const mark = marks.get(target.folder.number);
    const page = { limit: share, after: mark?.after ?? null, order };
    const lane = await hear(target, page, isCounting);
    if (lane === null) continue;
    if (mark !== undefined && mark.uidValidity !== lane.uidValidity) throw rebuilt();
    lanes.push(lane);
  }
  const [failure] = failures.values();
  if (failure !== undefined && lanes.length === 0) throw failure;

  const found: Found[] = [];
  while (found.length < limit) {
    const short = lanes.findIndex(({ heads, taken, next }) => taken === heads.length && next !== null);
    const lane = lanes[short];
    if (lane !== undefined) {
      if (needs.clock.now() > until - reserve) break;
      const more = await hear(lane, { limit: limit - found.length, after: lane.next, order });
      if (more === null) {
        keepMark(marks, lane, order);
        lanes.splice(short, 1);
      } else if (more.uidValidity === lane.uidValidity) lanes[short] = more;
      else throw rebuilt();
      continue;
    }
    const first = firstOf(lanes, order);
    const head = first?.heads[first.taken];
    if (first === undefined || head === undefined) break;
    found.push({ folder: first.folder, ...head });
    first.taken += 1;
  }

  for (const lane of lanes) keepMark(marks, lane, order);
  const isEnd = lanes.every(({ heads, taken, next }) => taken === heads.length && next === null);
  return {
    found,
    meta: metaOf(targets, answers, failures, isCounting),
    next: isEnd ? null : { highest: start.highest, marks: [...marks.values()] },
  };
}

/** What another folder would fail with as well. */
const concernsAll: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "validation-failed",
  "unsupported-by-protocol",
  "unsupported-by-server",
  "upstream-timeout",
  "upstream-throttled",
  "account-authentication-failed",
]);

/** The lane whose next message comes next: by arrival, then by the folder's number. */
function firstOf(lanes: Lane[], order: "newest" | "oldest"): Lane | undefined {
  let best: Lane | undefined;
  for (const lane of lanes) {
    const head = lane.heads[lane.taken];
    if (head === undefined) continue;
    const standing = best?.heads[best.taken];
    if (standing === undefined || isBefore(head, standing, order)) best = lane;
  }
  return best;
}

/** A message of which nobody knows when it came is the oldest. */
function isBefore(one: Head, other: Head, order: "newest" | "oldest"): boolean {
  const [a, b] = [one.receivedAt ?? -Infinity, other.receivedAt ?? -Infinity];
  return order === "newest" ? a > b : a < b;
}

/** Notes how far a folder has been told. Of one that has not begun: at what, since what comes later is not told. */
function keepMark(marks: Map<number, FolderMark>, lane: Lane, order: "newest" | "oldest"): void {
  const { folder, uidValidity, after, heads, taken, next } = lane;
  const mark = (at: ImapPosition | null): void => {
    marks.set(folder.number, { folder: folder.number, uidValidity, after: at });
  };
  if (taken === heads.length) {
    mark(next === null ? null : onServer(next));
    return;
  }
  const last = heads[taken - 1];
  const [first] = heads;
  if (last !== undefined) mark(positionOf(lane, uidOf(last), order));
  else if (after !== null) mark(onServer(after));
  else if (first !== undefined && order === "newest") mark(positionOf(lane, uidOf(first) + 1, order));
}

/** A position by UID alone. No sequence number is beyond its UID, nor was it beyond that of who stood nearer to the newest. */
function positionOf({ after, taken }: Lane, uid: number, order: "newest" | "oldest"): ImapPosition {
  const begun = after === null ? null : onServer(after).sequence;
  if (order === "oldest") return { uid, sequence: (begun ?? 0) + taken };
  return { uid, sequence: begun === null ? uid : Math.min(uid, begun - taken) };
}

function onServer(position: PositionOf<Place>): ImapPosition {
  if ("uid" in position) return position;
  throw new TypeError("a maildrop has one folder");
}

function uidOf({ place }: Head): number {
  if ("uid" in place) return place.uid;
  throw new TypeError("a maildrop has one folder");
}

function metaOf(
  targets: Target[],
  answers: SearchAnswer[],
  failures: Map<number, Failure>,
  isCounting: boolean,
): SearchMeta {
  const engine = (["server", "headers", "none"] as const).find((each) => answers.some((one) => one.engine === each));
  const totals = answers.flatMap(({ total }) => total ?? []);
  const isCounted =
    isCounting && totals.length === targets.filter(({ isEmpty }) => !isEmpty).length && failures.size === 0;
  const coverage = answers.flatMap((answer) => answer.coverage ?? []);
  const sum = (numbers: (number | undefined)[]): number => numbers.reduce<number>((all, one) => all + (one ?? 0), 0);
  return {
    engine: engine ?? "none",
    exact: answers.every(({ exact }) => exact),
    undecided: sum(answers.map(({ undecided }) => undecided)),
    ...(isCounted && { total: sum(totals) }),
    ...(coverage.length > 0 && {
      coverage: { known: sum(coverage.map(({ known }) => known)), of: sum(coverage.map(({ of }) => of)) },
    }),
    folders: targets.filter(({ folder }) => !failures.has(folder.number)).map(({ folder }) => folder.id),
    failed: targets.flatMap(({ folder }) => {
      const failure = failures.get(folder.number);
      return failure === undefined ? [] : [{ folderId: folder.id, code: failure.code, detail: failure.message }];
    }),
  };
}
