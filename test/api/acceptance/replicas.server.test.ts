import { startPostgres } from "../../servers/postgres.ts";
import { provision } from "../../servers/provision.ts";
import { startReplicas } from "../replicas.ts";
import { acceptance } from "./contract.ts";

const operatorKey = "an-operator-key-for-the-replicas-0123456789";

acceptance({
  name: "three processes on one Postgres, behind a front that gives each request to the next",
  traits: { ownAuthority: true, push: true },
  async start({ certificates }, atEnd) {
    await provision(["postgres"]);
    const postgres = await startPostgres();
    atEnd(() => postgres.stop());
    const env = { NODE_EXTRA_CA_CERTS: certificates.caPath, POSTERN_ADMIN_KEY: operatorKey };
    const replicas = await startReplicas(postgres, 3, env);
    atEnd(() => replicas.stop());
    return { url: replicas.front.url, operatorKey };
  },
});
