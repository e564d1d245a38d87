import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

/** The floors of DESIGN §2, top to bottom. A room imports from floors below and from itself, nothing else. */
const floors = [
  ["node.ts", "worker.ts"],
  ["node", "worker"],
  ["compose.ts"],
  ["world.ts"],
  ["config.ts"],
  ["http", "background"],
  ["watching"],
  ["operations"],
  ["sessions", "webhooks"],
  ["protocols/imap", "protocols/pop3", "protocols/smtp"],
  ["store", "vault"],
  ["mime", "net"],
  ["mail"],
  ["observe.ts"],
  ["errors.ts"],
];

/** Which rooms may name a library; every other import of a package is a new decision to be made here. */
const libraries: Record<string, string[]> = {
  hono: ["http", "node.ts", "worker.ts"],
  "@hono/zod-openapi": ["http"],
  zod: ["config.ts", "http", "operations"],
  imapflow: ["protocols/imap"],
  nodemailer: ["protocols/smtp", "mime"],
  mailparser: ["mime"],
  "sanitize-html": ["mime"],
  htmlparser2: ["mime"],
  libmime: ["mime"],
  libbase64: ["mime"],
  libqp: ["mime"],
  "iconv-lite": ["mime"],
  "drizzle-orm": ["store"],
  "better-sqlite3": ["store"],
  pg: ["store"],
  "ipaddr.js": ["net"],
  undici: ["webhooks"],
};

/** What a Worker has too (nodejs_compat); anything else may only be reached from node.ts. */
const portableBuiltins = new Set(
  ["assert", "async_hooks", "buffer", "crypto", "events", "path", "stream", "stream/promises", "string_decoder"]
    .concat(["url", "util", "zlib"])
    .map((name) => `node:${name}`),
);
const nodeOnlyLibraries = new Set(["better-sqlite3", "pg", "undici"]);
/** Loaded when called, and never called on a Worker: sessions come with a transport there. */
const lazyOnNode = ["protocols/imap/tls.ts imports node:tls"];

const root = resolve(import.meta.dirname, "..");
const src = join(root, "src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .sort();

type Import = { to: string; types: boolean };

/** What a source file imports: files by their path below src, packages and built-ins by name. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']/gm);
  const dynamic = text.matchAll(/\b(?:import|new URL)\(\s*["']([^"']+\.ts|[^."'][^"']*)["']/g);
  const found = [
    ...[...statements].map((match) => ({ to: match[2] ?? "", types: match[1] !== undefined })),
    ...[...dynamic].map((match) => ({ to: match[1] ?? "", types: false })),
  ];
  return found.map(({ to, types }) => ({
    to: to.startsWith(".") ? relative(src, resolve(src, dirname(file), to)) : to,
    types,
  }));
}

function roomOf(file: string): string | undefined {
  return floors.flat().find((room) => file === room || file.startsWith(`${room}/`));
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room));
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));
const isFile = (name: string): boolean => graph.has(name);

describe("the floors", () => {
  test("every file has a room, and every room a floor", () => {
    expect(files.filter((file) => roomOf(file) === undefined)).toEqual([]);
  });

  test("imports go down, or stay in the room", () => {
    const wrong: string[] = [];
    for (const [file, imports] of graph)
      for (const { to } of imports.filter((entry) => isFile(entry.to))) {
        const [from, into] = [roomOf(file), roomOf(to)];
        if (from === undefined || into === undefined || from === into) continue;
        if (floorOf(into) <= floorOf(from)) wrong.push(`${file} imports ${to}`);
      }
    expect(wrong).toEqual([]);
  });

  test("relative imports name a file that is there", () => {
    const wrong = [...graph].flatMap(([file, imports]) =>
      imports
        .filter(({ to }) => to.endsWith(".ts") && !isFile(to) && !to.startsWith(".."))
        .map(({ to }) => `${file} → ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  test("no circles", () => {
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (file: string, trail: string[]): void => {
      if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(" → "));
      if (done.has(file) || trail.includes(file)) return;
      for (const { to, types } of graph.get(file) ?? []) if (isFile(to) && !types) walk(to, [...trail, file]);
      done.add(file);
    };
    for (const file of files) walk(file, []);
    expect(circles).toEqual([]);
  });
});

describe("the libraries", () => {
  const external = [...graph].flatMap(([file, imports]) =>
    imports
      .filter(
        ({ to }) => !isFile(to) && !to.startsWith("node:") && !to.endsWith(".ts") && !to.startsWith("cloudflare:"),
      )
      .map(({ to }) => ({ file, library: packageOf(to) })),
  );

  test("each stays in its rooms", () => {
    const wrong = external.filter(({ file, library }) => {
      const rooms = libraries[library] ?? [];
      return !rooms.some((room) => file === room || file.startsWith(`${room}/`));
    });
    expect(wrong).toEqual([]);
  });

  test("what the Worker reaches runs on a Worker", () => {
    const reached = new Set<string>();
    const walk = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const { to, types } of graph.get(file) ?? []) if (isFile(to) && !types) walk(to);
    };
    walk("worker.ts");
    const wrong = [...reached].flatMap((file) =>
      (graph.get(file) ?? [])
        .filter(({ to, types }) => {
          if (types) return false;
          return to.startsWith("node:") ? !portableBuiltins.has(to) : nodeOnlyLibraries.has(packageOf(to));
        })
        .map(({ to }) => `${file} imports ${to}`),
    );
    expect(reached.size).toBeGreaterThan(20);
    expect(wrong).toEqual(lazyOnNode);
  });
});

describe("the files", () => {
  const texts = new Map(files.map((file) => [file, readFileSync(join(src, file), "utf8")]));

  test("none is longer than 300 lines", () => {
    const long = [...texts].filter(([, text]) => text.split("\n").length > 301).map(([file]) => file);
    expect(long).toEqual([]);
  });

  test("none only passes on what others export", () => {
    const barrels = [...texts]
      .filter(([, text]) => /^export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s+from\s/m.test(text))
      .map(([file]) => file);
    expect(barrels).toEqual([]);
  });

  test("the environment is read in one place", () => {
    const readers = [...texts].filter(([, text]) => /\bprocess\.env\b/.test(text)).map(([file]) => file);
    expect(readers.filter((file) => file !== "node.ts")).toEqual([]);
  });
});
