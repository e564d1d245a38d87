import { expect, test } from "vitest";
import type { Admitted } from "../../src/mail/server.ts";
import { createAdmission } from "../../src/webhooks/receiver.ts";

const url = new URL("https://hooks.example.org/in");

/** A guard that is asked for one receiver, and answers when it is told to. */
function guarded(maxStreamMs: number | null) {
  const asked: PromiseWithResolvers<Admitted>[] = [];
  const guard = {
    admit() {
      const one = Promise.withResolvers<Admitted>();
      asked.push(one);
      return one.promise;
    },
  };
  const admit = createAdmission({ guard, clock: { now: () => 1_000 }, maxStreamMs });
  return { asked, admit };
}

const admitted: Admitted = { address: "hooks.example.org", port: 443, servername: "hooks.example.org" };

test("a receiver is looked up once for all that is posted to it", async () => {
  const { asked, admit } = guarded(null);
  const both = [admit(url), admit(url)];
  asked[0]?.resolve(admitted);
  expect(await Promise.all([...both, admit(url)])).toEqual([admitted, admitted, admitted]);
  expect(asked.length).toBe(1);
});

test("on a Worker nobody waits for another request's look-up, which may never end, but for its outcome", async () => {
  const { asked, admit } = guarded(600_000);
  void admit(url);
  const second = admit(url);
  asked[1]?.resolve(admitted);
  expect(await second).toEqual(admitted);
  expect(await admit(url)).toEqual(admitted);
  expect(asked.length).toBe(2);
});
