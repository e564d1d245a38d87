import type { Script } from "./scripted-imap.ts";

export type FolderServer = { script: Script; paths: () => string[]; subscribed: Set<string> };

type Behaviour = {
  delimiter?: string | null;
  /** By raw path, such as `\Noselect`. */
  attributes?: Record<string, string>;
  /** What is answered instead of doing a CREATE, RENAME or DELETE (after the tag), or undefined to do it. */
  refuse?: (command: string) => string | undefined;
  /** The name that a new folder gets instead. */
  names?: (path: string) => string;
  /** What NAMESPACE answers. */
  namespace?: string;
};

/** As much of a server as folders need: LIST, LSUB, CREATE, RENAME, DELETE, SUBSCRIBE and UNSUBSCRIBE by plain names. */
export function folderServer(first: string[], behaviour: Behaviour = {}): FolderServer {
  const { delimiter = "/", attributes = {}, refuse = () => undefined, names = (path) => path, namespace } = behaviour;
  let paths = first;
  const subscribed = new Set<string>();
  const quoted = (path: string): string => `"${path.replaceAll(/["\\]/g, (one) => `\\${one}`)}"`;
  const row = (kind: string, path: string): string =>
    `* ${kind} (${attributes[path] ?? ""}) ${delimiter === null ? "NIL" : `"${delimiter}"`} ${quoted(path)}\r\n`;
  const below = (path: string, parent: string): boolean => path === parent || path.startsWith(`${parent}${delimiter}`);

  const script: Script = (command, tag) => {
    if (command === "NAMESPACE" && namespace !== undefined) return `* NAMESPACE ${namespace}\r\n${tag} OK\r\n`;
    const [verb = "", ...words] = command.split(" ");
    const all = paths.map((path) => row("LIST", path)).join("");
    if (command === 'LIST "" ""') return `* LIST (\\Noselect) "${delimiter ?? ""}" ""\r\n${tag} OK\r\n`;
    if (verb === "LIST") return `${all}${tag} OK\r\n`;
    if (verb === "LSUB") return `${[...subscribed].map((path) => row("LSUB", path)).join("")}${tag} OK\r\n`;
    const [path = "", to = ""] = [...words.join(" ").matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) =>
      text.replaceAll(/\\(.)/g, "$1"),
    );
    if (["CREATE", "RENAME", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE"].includes(verb)) {
      const refused = refuse(command);
      if (refused !== undefined) return `${tag} ${refused}\r\n`;
    }
    if (verb === "CREATE") paths = [...paths, names(path)];
    else if (verb === "DELETE") paths = paths.filter((one) => one !== path);
    else if (verb === "RENAME") paths = paths.map((one) => (below(one, path) ? to + one.slice(path.length) : one));
    else if (verb === "SUBSCRIBE") subscribed.add(path);
    else if (verb === "UNSUBSCRIBE") subscribed.delete(path);
    else return undefined;
    return `${tag} OK\r\n`;
  };
  return { script, paths: () => paths, subscribed };
}
