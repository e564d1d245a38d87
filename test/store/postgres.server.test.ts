import { openPostgres } from "../../src/store/open-postgres.ts";
import { startPostgres } from "../servers/postgres.ts";
import { storeContract } from "./contract.ts";

storeContract("Postgres", async () => {
  const server = await startPostgres();
  const handle = await openPostgres(await server.database());
  return {
    handle,
    async close() {
      await handle.close();
      await server.stop();
    },
  };
});
