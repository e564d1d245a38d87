import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "../servers/ca.ts";
import { makeScratch, removeScratch } from "../servers/scratch.ts";
import { adminKey, startWorker } from "./start-worker.ts";

const directory = makeScratch();
const certificates = await makeCertificates(`${directory}/certificates`);
const worker = await startWorker({ caPath: certificates.caPath });
const hanging = createServer(() => {});
hanging.listen(0, "127.0.0.1");
try {
  const call = async (method: string, path: string, key: string, body?: unknown, ms = 20_000) => {
    const r = await fetch(worker.url + path, { method, headers: { Authorization: `Bearer ${key}`, ...(body ? { "Content-Type": "application/json" } : {}) }, ...(body ? { body: JSON.stringify(body) } : {}), signal: AbortSignal.timeout(ms) });
    return { status: r.status, body: (await r.json()) as any };
  };
  const app = await call("POST", "/v1/apps", adminKey, { name: "p" });
  const key = (await call("POST", `/v1/apps/${app.body.id}/keys`, adminKey, { name: "p", scopes: ["events:read", "webhooks:read", "webhooks:write"] })).body.key;
  // 1: streams
  let codes: Record<number, number> = {};
  for (let n = 0; n < 60; n += 1) {
    const end = new AbortController();
    const r = await fetch(`${worker.url}/v1/events/stream`, { headers: { Authorization: `Bearer ${key}` }, signal: end.signal });
    codes[r.status] = (codes[r.status] ?? 0) + 1;
    end.abort();
    await r.body?.cancel().catch(() => {});
  }
  console.log("streams", codes);
  const gauge = async (w: string) => { const m = await fetch(`${worker.url}/metrics`, { headers: { Authorization: `Bearer ${adminKey}` } }); console.log(w, (await m.text()).split("\n").filter((l) => /event_streams[ _{]/.test(l) && !l.startsWith("#")).join(" | ")); };
  await sleep(3_000); await gauge("3s");
  const end = new AbortController();
  const last = await fetch(`${worker.url}/v1/events/stream`, { headers: { Authorization: `Bearer ${key}` }, signal: end.signal });
  console.log("last stream", last.status);
  end.abort();
  const metrics = await fetch(`${worker.url}/metrics`, { headers: { Authorization: `Bearer ${adminKey}` } });
  console.log((await metrics.text()).split("\n").filter((l) => l.includes("event_streams")).join("\n"));
  // 2: tests
  const port = (hanging.address() as any).port;
  const hook = await call("POST", "/v1/webhooks", key, { url: `http://127.0.0.1:${port}/x` });
  console.log("hook", hook.status, hook.body.id ?? hook.body);
  await Promise.all(Array.from({ length: 10 }, () => call("POST", `/v1/webhooks/${hook.body.id}/test`, key, {type:"message.created"}, 2_000).then((r) => console.log("t", r.status, r.body.code), (e) => console.log("t", e.name))));
  await sleep(18_000); await gauge("20s");
  console.log("after", (await call("POST", `/v1/webhooks/${hook.body.id}/test`, key, {type:"message.created"}, 19_000).catch((e) => e.name)));
await sleep(20_000); await gauge("60s");
} catch (e) { console.log("ERR", e); console.log(worker.log().slice(-3000)); }
finally { hanging.closeAllConnections(); hanging.close(); await worker.stop(); removeScratch(directory); }
