import { readdirSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(import.meta.dirname, "../..");

type CpuProfile = {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
};

/** Where the time of each thread went, by the functions that took most themselves; from the files of `node --cpu-prof`. */
export function describeProfiles(directory: string, functions = 30): string {
  const files = readdirSync(directory).filter((name) => name.endsWith(".cpuprofile"));
  return files.map((name) => describe(`${directory}/${name}`, functions)).join("\n\n");
}

function describe(path: string, functions: number): string {
  const { nodes, samples, timeDeltas }: CpuProfile = JSON.parse(readFileSync(path, "utf8"));
  const placeOf = new Map(nodes.map(({ id, callFrame }) => [id, place(callFrame)]));
  const own = new Map<string, number>();
  samples.forEach((id, at) => {
    const where = placeOf.get(id) ?? "";
    own.set(where, (own.get(where) ?? 0) + (timeDeltas[at] ?? 0));
  });
  own.delete("(idle)");
  own.delete("(program)"); // mostly waiting in the kernel
  const busy = [...own.values()].reduce((sum, time) => sum + time, 0);
  const lines = [...own]
    .sort(([, a], [, b]) => b - a)
    .slice(0, functions)
    .map(([where, time]) => `  ${((time / busy) * 100).toFixed(1).padStart(5)} %  ${where}`);
  return [`${path}: ${(busy / 1e6).toFixed(1)} s busy`, ...lines].join("\n");
}

function place({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  return `${name}  ${url.startsWith("file:") ? relative(root, fileURLToPath(url)) : url}:${lineNumber + 1}`;
}
