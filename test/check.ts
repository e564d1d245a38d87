import { spawn } from "node:child_process";

/** Everything that needs no server, side by side; the slowest first. Each tool's output is shown only when it fails. */
const steps = ["tests", "types", "lint", "format", "unused", "openapi"];

type Outcome = { name: string; ok: boolean; seconds: number; output: string };

function run(name: string): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn("npm", ["run", "--silent", `check:${name}`], {
      env: { ...process.env, REDOCLY_TELEMETRY: "off", FORCE_COLOR: "0" },
    });
    let output = "";
    const keep = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const done = (ok: boolean): void => resolve({ name, ok, seconds: (performance.now() - start) / 1000, output });
    child.on("error", (error) => {
      output += String(error);
      done(false);
    });
    child.on("close", (code) => done(code === 0));
  });
}

function tell({ name, ok, seconds, output }: Outcome): void {
  console.log(`${ok ? "ok  " : "FAIL"} ${name.padEnd(8)} ${seconds.toFixed(1)} s`);
  if (!ok) console.log(output);
  else if (name === "tests")
    console.log(
      output
        .split("\n")
        .filter((line) => /^\s+(?:Test Files|Tests) /.test(line))
        .join("\n"),
    );
}

const waiting = [...steps];
const outcomes: Outcome[] = [];
async function worker(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const outcome = await run(step);
    tell(outcome);
    outcomes.push(outcome);
  }
}
await Promise.all([worker(), worker()]);
const failed = outcomes.filter(({ ok }) => !ok).map(({ name }) => name);
if (failed.length > 0) console.log(`\nnpm run check: ${failed.join(", ")} failed.`);
process.exitCode = failed.length > 0 ? 1 : 0;
