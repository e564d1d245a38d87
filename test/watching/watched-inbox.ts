import type { AccountRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { modelServer } from "./model-server.ts";
import { type WatchedModel, watchedModel } from "./watched-model.ts";

export const atOnce = async (): Promise<void> => {};
/** What is begun and never goes on. */
export const never = (): Promise<void> => new Promise(() => {});

export type Told = {
  server: ReturnType<typeof modelServer>;
  watch: WatchedModel;
  /** What the log tells of the message that was there at first, or of all (null): type, actor and folders of each event. */
  told: (whose?: null) => Promise<string[]>;
};

/** A model account under watch: an inbox with one message, Archive, Work, and `more` folders. */
export async function watchedInbox(
  store: Store,
  permanent: boolean,
  {
    more = [],
    condstore = true,
    window = 10_000,
    account = {},
    before = () => {},
  }: {
    more?: string[];
    condstore?: boolean;
    window?: number;
    account?: Partial<AccountRow>;
    before?: (server: Told["server"]) => void;
  } = {},
): Promise<Told> {
  const server = modelServer({ permanent, condstore });
  for (const path of ["INBOX", "Archive", "Work", ...more]) server.create(path);
  before(server);
  server.add("INBOX", "first");
  const watch = await watchedModel(store, server, window, account);
  await watch.look();
  const [id = ""] = (await watch.truth()).keys();
  const nameOf = new Map((await store.folders.list(watch.accountId)).map((folder) => [folder.id, folder.path]));
  const told = async (whose: string | null = id): Promise<string[]> =>
    (await watch.events())
      .map(({ type, data }) => ({ type, ...(data as { id: string; actor: string; folderIds: string[] }) }))
      .filter((event) => event.type.startsWith("message.") && (whose === null || event.id === whose))
      .map(({ type, actor, folderIds }) => [type, actor, ...folderIds.map((one) => nameOf.get(one))].join(" "));
  return { server, watch, told };
}
