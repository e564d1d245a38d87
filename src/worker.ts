import { connect } from "cloudflare:sockets";
import { compose, type Postern } from "./compose.ts";
import { ConfigError, readConfig } from "./config.ts";
import { Failure } from "./errors.ts";
import { createLog, describeError } from "./http/log.ts";
import { createMetrics } from "./http/metrics.ts";
import { problem } from "./http/problem.ts";
import { randomId } from "./mail/id.ts";
import { createGuard } from "./net/guard.ts";
import { createDohResolver } from "./net/resolve-doh.ts";
import { systemClock as clock } from "./observe.ts";
import { settleSecrets } from "./operations/settle-secrets.ts";
import { socketsTransport } from "./protocols/imap/sockets-transport.ts";
import { createStore } from "./store/create-store.ts";
import { openD1, type D1Binding } from "./store/open-d1.ts";
import { createVault } from "./vault/vault.ts";

type Fetcher = { fetch(request: Request): Promise<Response> };

/** What wrangler.toml binds; POSTERN_* variables and secrets stand beside it as strings. */
type Bindings = {
  DB: D1Binding;
  /** One object per account, named by the account's id. */
  ACCOUNTS: { idFromName(name: string): object; get(id: object): Fetcher };
};

/** The front door: what belongs to one account goes whole to that account's object, all else is answered here. */
export default {
  fetch(request: Request, bindings: Bindings): Promise<Response> {
    const accountId = accountIn(request);
    if (accountId === null) return answerHere(request);
    return bindings.ACCOUNTS.get(bindings.ACCOUNTS.idFromName(accountId)).fetch(request);

    function answerHere(request: Request): Promise<Response> {
      return serve(bindings)(request);
    }
  },
};

/** An account's object: the same application again, and the only one that keeps sessions with the account's servers open. */
export class AccountObject implements Fetcher {
  readonly fetch: Fetcher["fetch"];

  constructor(_state: unknown, bindings: Bindings) {
    this.fetch = serve(bindings);
  }
}
