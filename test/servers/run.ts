import { spawn } from "node:child_process";

export interface RunOptions {
  env?: Record<string, string>;
  input?: string;
  uid?: number;
  gid?: number;
  cwd?: string;
}

/** Runs a command to its end and returns its standard output; a failure carries what the command said. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const { env, input = "", ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...rest, env: { ...process.env, ...env } });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.on("error", () => {}); // the command may end without reading its input
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(stdout);
      const said = (stderr || stdout).trim().slice(-2000);
      reject(new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}:\n${said}`));
    });
    child.stdin.end(input);
  });
}
