import type { ApiDocument } from "./openapi-document.ts";
import type { Random } from "./openapi-random.ts";

/** Something that a path or a body can name. */
export type Thing = {
  id: string;
  /** The path parameters that it is reached by, its own left out. */
  within: Record<string, string>;
  /** It is never given away to be deleted or changed for the worse. */
  kept: boolean;
};

export type Things = {
  /** Takes note of all ids in an answer to a request with these path parameters. */
  harvest(body: unknown, parameters: Record<string, string>): void;
  /** By an id's prefix, such as `acc`; also of what only bodies name. */
  withPrefix(prefix: string): Thing[];
  /** Nothing that is there now is ever deleted. */
  keepAll(): void;
  forget(parameter: string, id: string): void;
  /** Values for all parameters of a path, which belong together. Null: there is nothing for it. */
  chain(path: string, random: Random, which: Which): Record<string, string> | null;
};

/** `first`: what is there from the beginning, where something is; `any`; `spare`: what may be lost. */
export type Which = "first" | "any" | "spare";

/** More of one kind are not remembered: the oldest goes, unless it is kept. */
const most = 150;

export const parametersOf = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);

/** Knows from the document which prefix belongs to which path parameter: a new kind of thing is noticed by being in a path. */
export function createThings({ operations, named }: ApiDocument): Things {
  // A test delivery tells an example.
  const examples = JSON.stringify(named);
  const prefixes = new Map<string, string>();
  for (const { name, in: place, schema } of operations.flatMap(({ parameters }) => parameters)) {
    const text = schema.pattern ?? `^${String(schema.example)}`;
    const prefix = /^\^([a-z]{3})_/.exec(text)?.[1];
    if (place === "path" && prefix !== undefined) prefixes.set(prefix, name);
  }
  const pools = new Map<string, Map<string, Thing>>();
  const pool = (parameter: string): Map<string, Thing> => {
    const there = pools.get(parameter) ?? new Map<string, Thing>();
    pools.set(parameter, there);
    return there;
  };

  function parameterOf(value: unknown): string | undefined {
    const prefix = typeof value === "string" ? /^([a-z]{3})_[\w.-]+$/.exec(value)?.[1] : undefined;
    return prefix === undefined ? undefined : (prefixes.get(prefix) ?? prefix);
  }

  function note(id: string, parameter: string, around: Record<string, string>): void {
    const { [parameter]: _, ...within } = around;
    const there = pool(parameter);
    const known = there.get(id);
    if (known === undefined && id.length > 20 && examples.includes(id)) return;
    if (known !== undefined && Object.keys(known.within).length >= Object.keys(within).length) return;
    there.set(id, { id, within, kept: known?.kept ?? false });
    if (there.size <= most) return;
    const oldest = [...there.values()].find(({ kept }) => !kept);
    if (oldest !== undefined) there.delete(oldest.id);
  }

  function harvest(value: unknown, around: Record<string, string>): void {
    if (typeof value !== "object" || value === null) return;
    const members = Object.entries(value);
    const here = { ...around };
    for (const [name, member] of members) {
      const parameter = parameterOf(member);
      if (parameter !== undefined && (name === "id" || name === parameter)) here[parameter] = String(member);
    }
    for (const [, member] of members) {
      const parameter = parameterOf(member);
      if (parameter !== undefined) note(String(member), parameter, here);
      else harvest(member, here);
    }
  }

  return {
    harvest,
    withPrefix: (prefix) => [...pool(prefixes.get(prefix) ?? prefix).values()],
    keepAll() {
      for (const there of pools.values()) for (const thing of there.values()) thing.kept = true;
    },
    forget(parameter, id) {
      if (pool(parameter).get(id)?.kept === false) pool(parameter).delete(id);
    },
    chain(path, random, which) {
      const names = parametersOf(path);
      const last = names.at(-1);
      if (last === undefined) return {};
      const reached = [...pool(last).values()].filter(({ within }) =>
        names.slice(0, -1).every((name) => within[name] !== undefined),
      );
      const kept = reached.filter((thing) => thing.kept);
      const spare = reached.filter((thing) => !thing.kept);
      const first = [...kept, ...spare].slice(0, 1);
      // What others have broken tells less than what works.
      const any = kept.length > 0 && random.chance(0.7) ? kept : reached;
      const usable = { first, any, spare }[which];
      if (usable.length === 0) return null;
      const { id, within } = random.pick(usable);
      return { ...within, [last]: id };
    },
  };
}
