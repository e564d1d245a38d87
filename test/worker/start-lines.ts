import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { startDaemon } from "../servers/daemon.ts";
import { freePort, loopback } from "../servers/ports.ts";
import { run } from "../servers/run.ts";
import { makeScratch, mark, removeScratch } from "../servers/scratch.ts";
import type { Answered, PostAsked, SmtpAsked } from "./lines.ts";

const root = resolve(import.meta.dirname, "../..");
const wrangler = resolve(root, "node_modules/wrangler/bin/wrangler.js");

export type Lines = {
  /** Resolves with what the Worker did; rejects with the failure as it told it. */
  smtp(asked: SmtpAsked): Promise<unknown>;
  post(asked: PostAsked): Promise<unknown>;
  log(): string;
  stop(): Promise<void>;
};

/** The Worker of lines.ts in a local workerd that trusts a test's authority, with the compatibility of the real one. */
export async function startLines({ caPath }: { caPath: string }): Promise<Lines> {
  const directory = makeScratch();
  const env = {
    [mark]: directory,
    HOME: directory,
    TMPDIR: directory,
    CI: "1",
    NODE_ENV: "production",
    NODE_EXTRA_CA_CERTS: caPath,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_HIDE_BANNER: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  };
  const ours = readFileSync(`${root}/wrangler.toml`, "utf8").match(/^compatibility_.*$/gm) ?? [];
  const main = resolve(import.meta.dirname, "lines.ts");
  const config = ['name = "lines"', `main = ${JSON.stringify(main)}`, ...ours, "send_metrics = false", ""];
  writeFileSync(`${directory}/wrangler.toml`, config.join("\n"));
  const local = ["--config", `${directory}/wrangler.toml`];
  try {
    const bundle = ["deploy", "--dry-run", "--outdir", `${directory}/bundle`];
    await run(process.execPath, [wrangler, ...bundle, ...local], { cwd: directory, env });
    const port = await freePort();
    const ports = ["--ip", loopback, "--port", String(port), "--inspector-port", String(await freePort())];
    const dev = ["dev", `${directory}/bundle/lines.js`, "--no-bundle", "--local", ...ports];
    const daemon = await startDaemon({
      command: process.execPath,
      args: [wrangler, ...dev, "--persist-to", `${directory}/state`, ...local],
      directory,
      ports: [port],
      withinMs: 30_000,
      env,
    });
    const ask = async (path: string, asked: unknown): Promise<unknown> => {
      const url = `http://${loopback}:${port}${path}`;
      const response = await fetch(url, {
        method: "POST",
        body: JSON.stringify(asked),
        signal: AbortSignal.timeout(30_000),
      });
      const answered = (await response.json()) as Answered;
      if ("done" in answered) return answered.done;
      throw Object.assign(new Error(answered.failure.message), answered.failure);
    };
    return {
      smtp: (asked) => ask("/smtp", asked),
      post: (asked) => ask("/post", asked),
      log: () => readFileSync(`${directory}/output.log`, "utf8"),
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
