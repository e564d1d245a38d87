import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { makeScratch, removeScratch } from "../../test/servers/scratch.ts";
import type { Case } from "../frame/case.ts";
import { makeCaller } from "../frame/http.ts";
import { memoryOf, startPostern } from "../frame/postern.ts";
import { alternate, median } from "../frame/rounds.ts";

/** From the start of the process to the first answer of the API, and what the process weighs when it has nothing to do. */
export const start: Case = {
  name: "start",
  async run({ scale }) {
    const memory = { ours: [] as number[], bare: [] as number[] };
    const directory = makeScratch();
    try {
      const again = await startOurs(directory); // makes the database and the keys
      const rounds = await alternate(scale.quick ? 5 : 9, {
        first: async () => (await startOurs()).milliseconds,
        again: async () => {
          const { milliseconds, resident } = await startOurs(directory, again.appKey);
          memory.ours.push(resident);
          return milliseconds;
        },
        bare: async () => {
          const { milliseconds, resident } = await startBare();
          memory.bare.push(resident);
          return milliseconds;
        },
      });
      const started = (what: string, ours: number[]) =>
        ({
          what,
          unit: "ms",
          ours: median(ours),
          bare: median(rounds.bare),
          bareIs: "an empty node:http server",
          compared: { as: "value", value: median(ours) },
          goal: { atMost: 1000 },
        }) as const;
      return [
        started("start to first answer, new database", rounds.first),
        started("start to first answer, old database", rounds.again),
        {
          what: "RSS of an idle Postern without accounts",
          unit: "MB",
          ours: median(memory.ours),
          bare: median(memory.bare),
          bareIs: "an empty node:http server",
          compared: { as: "value", value: median(memory.ours) },
          goal: { atMost: 120 },
        },
      ];
    } finally {
      removeScratch(directory);
    }
  },
};

type Started = { milliseconds: number; resident: number; appKey: string };

/** How long a process is left alone before its memory is read, milliseconds. */
const settling = 1_500;

async function startOurs(directory?: string, knownKey?: string): Promise<Started> {
  const began = performance.now();
  const postern = await startPostern({ profileInto: null, ...(directory !== undefined && { directory }) });
  const appKey = knownKey ?? postern.appKey;
  const api = makeCaller({ ...postern, appKey });
  try {
    await api.call("GET", "/v1/me");
    const milliseconds = performance.now() - began;
    await sleep(settling);
    return { milliseconds, resident: memoryOf(postern.pid).now, appKey };
  } finally {
    api.close();
    await postern.stop();
  }
}

const emptyServer = `const server = require("node:http").createServer((_, answer) => answer.end("{}"));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;

async function startBare(): Promise<Started> {
  const began = performance.now();
  const child = spawn(process.execPath, ["-e", emptyServer], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const api = makeCaller({ host: "127.0.0.1", port: Number(said.toString()), appKey: "" });
  try {
    await api.call("GET", "/");
    const milliseconds = performance.now() - began;
    await sleep(settling);
    return { milliseconds, resident: memoryOf(child.pid ?? 0).now, appKey: "" };
  } finally {
    api.close();
    child.kill();
    await closed;
  }
}
