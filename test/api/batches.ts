import type { Api } from "./start.ts";

export type Listed = {
  id: string;
  subject: string;
  folderIds: string[];
  flags: Record<string, boolean>;
  keywords: string[];
};
export type Folder = { id: string; name: string; role: string | null; counts: { messages: number; unseen: number } };

export type Result = {
  id: string;
  ok: boolean;
  folderId?: string;
  warnings?: string[];
  would?: string[];
  problem?: {
    type: string;
    title: string;
    status: number;
    code: string;
    detail: string;
    retryable: boolean;
    applied?: string[];
    unknown?: string[];
  };
};
export type Batch = {
  results: Result[];
  meta?: { more: boolean; undecided: number; exact: boolean; engine: string; folders: string[]; failed: unknown[] };
};

/** A batch that is answered; fails the test when it is refused as a whole. */
export async function batch(api: Api, path: string, body: unknown): Promise<Batch> {
  const answer = await api.call<Batch>("POST", `${path}/messages/batch`, body);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
}

/** One that is refused as a whole: its status and code. */
export async function refusedBatch(api: Api, path: string, body: unknown): Promise<[number, string]> {
  const { status, body: problem } = await api.call<{ code: string }>("POST", `${path}/messages/batch`, body);
  return [status, problem.code];
}

export async function foldersOf(api: Api, path: string): Promise<Folder[]> {
  const { body, status, text } = await api.call<{ data: Folder[] }>("GET", `${path}/folders`);
  if (status !== 200) throw new Error(text);
  return body.data;
}

export async function folderNamed(api: Api, path: string, name: string): Promise<Folder> {
  const folder = (await foldersOf(api, path)).find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (folder === undefined) throw new Error(`no ${name}`);
  return folder;
}

/** All messages of a folder, by its id or role, newest first. */
export async function allIn(api: Api, path: string, folder = "inbox"): Promise<Listed[]> {
  const all: Listed[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const { body, status, text } = await api.call<{ data: Listed[]; nextCursor: string | null }>(
      "GET",
      `${path}/messages?folder=${folder}&limit=200${query}`,
    );
    if (status !== 200) throw new Error(text);
    all.push(...body.data);
    cursor = body.nextCursor;
  }
  return all;
}

export const idsOf = (all: { id: string }[]): string[] => all.map(({ id }) => id);

/** What became of each, in short: ok, or the problem's code. */
export const outcomes = ({ results }: Batch): string[] =>
  results.map(({ ok, problem }) => (ok ? "ok" : (problem?.code ?? "no problem")));
