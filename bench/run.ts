import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { startMailStack } from "../test/servers/mail-stack.ts";
import { accept } from "./cases/accept.ts";
import { attachment } from "./cases/attachment.ts";
import { beside } from "./cases/beside.ts";
import { deliver } from "./cases/deliver.ts";
import { fetchOne } from "./cases/fetch.ts";
import { firstSync } from "./cases/first-sync.ts";
import { flag } from "./cases/flag.ts";
import { isolation } from "./cases/isolation.ts";
import { list } from "./cases/list.ts";
import { maildrop } from "./cases/maildrop.ts";
import { reconnect } from "./cases/reconnect.ts";
import { replicas } from "./cases/replicas.ts";
import { search } from "./cases/search.ts";
import { start } from "./cases/start.ts";
import { upload } from "./cases/upload.ts";
import { watch } from "./cases/watch.ts";
import { watched } from "./cases/watched.ts";
import { webhooks } from "./cases/webhooks.ts";
import type { Case } from "./frame/case.ts";
import { type Figure, markdownTable, terminalTable } from "./frame/figure.ts";
import { describeProfiles } from "./frame/profile.ts";
import { type FilledMailboxes, makeWorld, type Scale } from "./frame/world.ts";

const cases: Case[] = [
  start,
  list,
  search,
  beside,
  fetchOne,
  flag,
  attachment,
  maildrop,
  accept,
  deliver,
  upload,
  watch,
  webhooks,
  isolation,
  firstSync,
  watched,
  reconnect,
  replicas,
];

const help = `Usage: npm run bench [-- CASE… --quick --million --json --write --profile DIRECTORY]

Measures Postern beside the raw thing, in turn and in the same run, on a real Dovecot and Postfix (so as root) and against the
goals of the design. It asserts nothing. Cases: ${cases.map(({ name }) => name).join(" ")}; all of them by default.

  --quick    fewer rounds, an attachment of 300 MB instead of 1 GB
  --million  a folder of a million messages too
  --json     figures as JSON
  --write    puts the table into docs/bench.md, unless a case failed
  --profile  Postern runs under --cpu-prof, its profiles go below this directory, and the dearest functions are told;
             the figures are worse for it`;

const options = {
  quick: { type: "boolean", default: false },
  million: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
  profile: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

const tell = (line: string): boolean => process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(help);
  const unknown = positionals.filter((name) => !cases.some((one) => one.name === name));
  if (unknown.length > 0) throw new Error(`There is no case ${unknown.join(", ")}.\n\n${help}`);
  const chosen = positionals.length === 0 ? cases : cases.filter(({ name }) => positionals.includes(name));
  const machine = describeMachine();
  tell(machine);
  const figures = await runAll(chosen, values, values.profile);
  tell(`load at the end ${loads()}\n`);
  if (values.json) console.log(JSON.stringify(figures, null, 2));
  else console.log(terminalTable(figures));
  if (values.write && process.exitCode === undefined) writeTable(figures, machine);
}

async function runAll(chosen: Case[], scale: Scale, profile: string | undefined): Promise<Figure[]> {
  const stack = await startMailStack();
  const figures: Figure[] = [];
  const mailboxes: FilledMailboxes = new Map();
  try {
    for (const one of chosen) {
      const profileInto = profile === undefined ? null : resolve(profile, one.name);
      const began = performance.now();
      try {
        figures.push(...(await runOne(one, stack, scale, profileInto, mailboxes)));
      } catch (error) {
        process.exitCode = 1;
        tell(`${one.name} failed: ${(error as Error).stack}`);
      }
      tell(`${one.name} took ${((performance.now() - began) / 1000).toFixed(0)} s`);
      if (profileInto !== null) tell(describeProfiles(profileInto));
    }
  } finally {
    await stack.stop();
  }
  return figures;
}

/** Each case has a Postern of its own, so that none inherits what another left behind. */
async function runOne(
  one: Case,
  stack: Awaited<ReturnType<typeof startMailStack>>,
  scale: Scale,
  profileInto: string | null,
  mailboxes: FilledMailboxes,
): Promise<Figure[]> {
  const world = await makeWorld(stack, scale, profileInto, mailboxes);
  try {
    return await one.run(world);
  } finally {
    await world.stop();
  }
}

const loads = (): string =>
  loadavg()
    .map((load) => load.toFixed(1))
    .join(" ");

function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? "unknown processor";
  return `Node ${process.version}, ${processors.length} × ${model}, load at the start ${loads()}`;
}

/** Replaces what stands between the two marks. */
function writeTable(figures: Figure[], machine: string): void {
  const path = resolve(import.meta.dirname, "../docs/bench.md");
  const [begin, end] = ["<!-- table -->", "<!-- end of table -->"];
  const [before, rest = ""] = readFileSync(path, "utf8").split(begin);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`docs/bench.md has no place between ${begin} and ${end}`);
  const day = new Date().toISOString().slice(0, 10);
  const inserted = `\n${day}, ${machine}, load at the end ${loads()}.\n\n${markdownTable(figures)}\n`;
  writeFileSync(path, `${before}${begin}${inserted}${end}${after}`);
}

await main();
