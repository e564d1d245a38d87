import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { startDaemon } from "../servers/daemon.ts";
import { freePort, loopback } from "../servers/ports.ts";
import { run } from "../servers/run.ts";
import { makeScratch, mark, removeScratch } from "../servers/scratch.ts";

const root = resolve(import.meta.dirname, "../..");
const wrangler = resolve(root, "node_modules/wrangler/bin/wrangler.js");

export const adminKey = "an-operator-key-for-the-worker-0123456789";

export type Worker = {
  url: string;
  /** What would be deployed, octets: as it is, and compressed; what of it comes from where, the largest first. */
  bundle: { size: number; gzipped: number; parts: [name: string, octets: number][] };
  /** Runs the bundle up to where it could answer; milliseconds of a core that it takes. */
  startUpMs(): Promise<number>;
  /** What the Worker and wrangler wrote. */
  log(): string;
  /** Runs what the cron runs each minute. */
  cron(): Promise<void>;
  /** How many objects there are that were ever made. */
  objects(): number;
  /** Loses all objects, their alarms with them, and starts again on the same database. */
  loseObjects(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Bundles the Worker as a deploy does, migrates a fresh D1, and runs both in a local workerd. The bundle is run, not the
 * sources, so that an edit meanwhile restarts nothing.
 */
export async function startWorker({
  caPath,
  secret = "a-sealing-secret-for-the-worker-0123456789",
}: {
  caPath: string;
  secret?: string;
}): Promise<Worker> {
  const directory = makeScratch();
  const env = {
    [mark]: directory,
    HOME: directory,
    TMPDIR: directory,
    CI: "1",
    NODE_ENV: "production",
    NODE_EXTRA_CA_CERTS: caPath,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_HIDE_BANNER: "true", // and with it the look for a newer version
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  };
  const config = `${directory}/wrangler.toml`;
  writeFileSync(config, wranglerToml());
  // Its build makes the assets where it runs.
  symlinkSync(`${root}/node_modules`, `${directory}/node_modules`);
  mkdirSync(`${directory}/assets`);
  copyFileSync(`${root}/assets/_headers`, `${directory}/assets/_headers`);
  writeFileSync(`${directory}/vars`, variables(secret));
  const local = ["--config", config, "--persist-to", `${directory}/state`];
  const once = (args: string[]) => run(process.execPath, [wrangler, ...args], { cwd: directory, env });
  try {
    await once(["deploy", "--dry-run", "--outdir", `${directory}/bundle`, "--metafile", "--config", config]);
    await once(["d1", "migrations", "apply", "DB", "--local", ...local]);
    const bundle = `${directory}/bundle/worker.js`;
    const port = await freePort();
    const ports = ["--ip", loopback, "--port", String(port), "--inspector-port", String(await freePort())];
    const variablesFrom = ["--env-file", `${directory}/vars`];
    const serve = () =>
      startDaemon({
        command: process.execPath,
        args: [wrangler, "dev", bundle, "--no-bundle", "--local", ...ports, ...variablesFrom, ...local],
        directory,
        ports: [port],
        withinMs: 30_000,
        env,
      });
    let daemon = await serve();
    const url = `http://${loopback}:${port}`;
    return {
      url,
      bundle: {
        size: statSync(bundle).size,
        gzipped: gzipSync(readFileSync(bundle)).length,
        parts: partsOf(`${directory}/bundle/bundle-meta.json`),
      },
      async startUpMs() {
        const said = await once(["check", "startup", `--args=--config ${config}`, "--outfile", `${directory}/profile`]);
        return Number(/Active: ([0-9.]+) ms/.exec(said)?.[1]);
      },
      log: () => readFileSync(`${directory}/output.log`, "utf8"),
      async cron() {
        const { status } = await fetch(`${url}/cdn-cgi/handler/scheduled`);
        if (status !== 200) throw new Error(`The cron ended with ${status}.`);
      },
      objects() {
        const files = readdirSync(`${directory}/state/v3/do`, { recursive: true, encoding: "utf8" });
        return files.filter((name) => name.endsWith(".sqlite") && !name.endsWith("metadata.sqlite")).length;
      },
      async loseObjects() {
        await daemon.stop();
        rmSync(`${directory}/state/v3/do`, { recursive: true });
        daemon = await serve();
      },
      async stop() {
        await daemon.stop();
        removeScratch(directory);
      },
    };
  } catch (error) {
    removeScratch(directory);
    throw error;
  }
}

/** How much of the bundle comes from which package, or room of ours. */
function partsOf(metafile: string): [string, number][] {
  type Output = { entryPoint?: string; inputs: Record<string, { bytesInOutput: number }> };
  const { outputs } = JSON.parse(readFileSync(metafile, "utf8")) as { outputs: Record<string, Output> };
  const parts = new Map<string, number>();
  for (const { inputs } of Object.values(outputs))
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? /src\/[^/]+/.exec(path)?.[0] ?? "other";
      parts.set(name, (parts.get(name) ?? 0) + bytesInOutput);
    }
  return [...parts].toSorted(([, a], [, b]) => b - a);
}

/** The repository's own, with its paths made absolute: wrangler works where its configuration lies. */
function wranglerToml(): string {
  return readFileSync(`${root}/wrangler.toml`, "utf8").replaceAll(
    /^(main|migrations_dir) = "(.*)"$/gm,
    (_, name: string, path: string) => `${name} = ${JSON.stringify(resolve(root, path))}`,
  );
}

function variables(secret: string): string {
  return [
    `POSTERN_SECRET=${secret}`,
    `POSTERN_ADMIN_KEY=${adminKey}`,
    "POSTERN_ALLOW_NETWORKS=127.0.0.0/8,::1/128",
    "POSTERN_ALLOW_PORTS=*",
    "",
  ].join("\n");
}
