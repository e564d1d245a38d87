import { adminKey, startWorker } from "../../worker/start-worker.ts";
import { acceptance } from "./contract.ts";

acceptance({
  name: "a Worker with D1 and Durable Objects",
  traits: {
    ownAuthority: "a Worker trusts the authorities of its runtime, and says 422 unsupported-by-runtime",
    push: "a Worker looks each minute; test/worker/objects.server.test.ts waits for that",
  },
  async start({ certificates }, atEnd) {
    const worker = await startWorker({ caPath: certificates.caPath });
    atEnd(() => worker.stop());
    return { url: worker.url, operatorKey: adminKey };
  },
});
