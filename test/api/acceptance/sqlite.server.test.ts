import { startPostern } from "../../servers/postern.ts";
import { acceptance } from "./contract.ts";

acceptance({
  name: "one process on SQLite",
  traits: { ownAuthority: true, push: true },
  async start({ certificates }, atEnd) {
    const postern = await startPostern({ env: { NODE_EXTRA_CA_CERTS: certificates.caPath } });
    atEnd(() => postern.stop());
    return postern;
  },
});
