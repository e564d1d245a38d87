import { expect, test } from "vitest";
import { startMailStack } from "../servers/mail-stack.ts";
import { fillMaildir } from "../servers/maildir.ts";
import { startProxy } from "../servers/proxy.ts";
import { startPostern } from "../servers/postern.ts";

const messages = 1_000_000;

/**
 * Octets from the mail server for one call: generous for 200 messages, and far below anything that tells one word of each
 * message of the folder. How long a call takes is bench/'s to say.
 */
const most = 500_000;

type Message = { id: string; subject: string; flags: { flagged: boolean } };

test("a folder of a million messages is listed, paged, read and flagged as a small one is", async () => {
  const stack = await startMailStack();
  const proxy = await startProxy({ port: stack.dovecot.ports.imaps });
  const postern = await startPostern();
  try {
    const { host, ca } = stack.dovecot;
    const { username, password } = stack.dovecot.user();
    fillMaildir(stack.dovecot.maildir({ username, password }), messages, { to: username });

    const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const response = await fetch(`${postern.url}${path}`, {
        method,
        headers: { Authorization: `Bearer ${postern.appKey}`, "Content-Type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const answer = (await response.json()) as T;
      if (!response.ok) throw new Error(`${method} ${path} answered ${JSON.stringify(answer)}`);
      return answer;
    };
    const lightly = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const before = proxy.bytes("toClient");
      const answer = await call<T>(method, path, body);
      expect(proxy.bytes("toClient") - before).toBeLessThan(most);
      return answer;
    };
    type Page = { data: Message[]; nextCursor: string | null };

    const auth = { type: "password", username, password };
    const incoming = { protocol: "imap", host, port: proxy.port, security: "tls", auth, tls: { ca } };
    const account = `/v1/accounts/${(await call<{ id: string }>("POST", "/v1/accounts", { email: username, incoming })).id}`;
    // Dovecot makes its index on the first look, which may take longer than a command may.
    await expect.poll(() => tries(() => call("GET", `${account}/messages`)), { timeout: 300_000 }).toBe(true);

    const seen: string[] = [];
    let cursor = "";
    for (let pages = 0; pages < 5; pages += 1) {
      const page = await lightly<Page>("GET", `${account}/messages?limit=200${cursor}`);
      seen.push(...page.data.map(({ id }) => id));
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(new Set(seen).size).toBe(1_000);
    const again = await lightly<Page>("GET", `${account}/messages?limit=200`);
    expect(again.data.map(({ id }) => id)).toEqual(seen.slice(0, 200));

    const path = `${account}/messages/${seen[500]}`;
    const read = await lightly<Message>("GET", path);
    expect(read.id).toBe(seen[500]);
    const flagged = await lightly<Message>("PATCH", path, { flags: { flagged: !read.flags.flagged } });
    expect(flagged.flags.flagged).toBe(!read.flags.flagged);
    expect((await lightly<Message>("GET", path)).flags.flagged).toBe(!read.flags.flagged);
  } finally {
    await postern.stop();
    await proxy.stop();
    await stack.stop();
  }
});

async function tries(work: () => Promise<unknown>): Promise<boolean> {
  return work().then(
    () => true,
    () => false,
  );
}
