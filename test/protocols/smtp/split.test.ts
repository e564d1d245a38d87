import { describe, expect, test } from "vitest";
import { closeAfterEach, dots, envelope, mail, many, plain, scripted, send, states } from "./submitting.ts";

closeAfterEach();

const octets = Buffer.from(mail);
const tooMany = "452 4.5.3 too many recipients";
const rcpts = (heard: string[]) => heard.filter((line) => line.startsWith("RCPT")).map((line) => line.slice(9, 10));

describe("more recipients than the server takes", () => {
  test("by its announced RCPTMAX (RFC 9422): only so many are asked for", async () => {
    const EHLO = "250-scripted\r\n250-PIPELINING\r\n250-LIMITS MAILMAX=10 RCPTMAX=2\r\n250 AUTH PLAIN";
    const { server, submitter } = await scripted({ EHLO });
    expect(await submitter.limits()).toMatchObject({ recipients: 2 });
    const told: string[][] = [];
    const outcome = await submitter.submit(octets, many, { ...plain, beforeDot: async (to) => void told.push(to) });
    expect(outcome.recipients.map(({ email }) => email)).toEqual(many.to.slice(0, 2));
    expect(outcome.left).toEqual(many.to.slice(2));
    expect(told).toEqual([many.to.slice(0, 2)]);
    expect(rcpts(server.heard)).toEqual(["b", "c"]);
  });

  test.each([
    ["pipelined", "250-scripted\r\n250-PIPELINING\r\n250 AUTH PLAIN"],
    ["one by one", "250-scripted\r\n250 AUTH PLAIN"],
  ])("learnt by 452 4.5.3, %s: the next transaction asks for no more", async (_, EHLO) => {
    let inThis = 0;
    const { server, submitter } = await scripted({
      EHLO,
      MAIL: () => ((inThis = 0), "250 2.1.0 ok"),
      RCPT: () => ((inThis += 1) > 2 ? tooMany : "250 2.1.5 ok"),
    });
    const to = ["b@x.example", "c@x.example", "d@x.example", "e@x.example", "f@x.example"];
    let left = to;
    const got: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one transaction after the other
      const outcome = await submitter.submit(octets, { from: "a@x.example", to: left }, plain);
      expect(new Set(states(outcome))).toEqual(new Set(["accepted"]));
      got.push(...outcome.recipients.map(({ email }) => email));
      left = outcome.left;
    }
    expect([got, left]).toEqual([to, []]);
    expect(rcpts(server.heard).join("")).toBe("bcdefdef");
    expect(server.connections()).toBe(1);
  });

  test.each([
    "452 too many",
    "550 5.5.3 enough",
    "552 Too many recipients",
    "451 4.7.1 too many recipients, slow down",
  ])("%s after the first says the same", async (say) => {
    const { submitter } = await scripted({ RCPT: (_, nth) => (nth === 0 ? "250 ok" : say) });
    const outcome = await submitter.submit(octets, many, plain);
    expect(outcome.recipients.map(({ email, state }) => [email, state])).toEqual([["b@example.org", "accepted"]]);
    expect(outcome.left).toEqual(["c@example.org", "d@example.org"]);
  });

  test.each(["452 4.2.2 mailbox full", "552 5.2.2 mailbox full", "452 4.3.1 no space"])(
    "%s does not: it is this recipient's",
    async (say) => {
      const { submitter } = await scripted({ RCPT: (_, nth) => (nth === 1 ? say : "250 ok") });
      const outcome = await submitter.submit(octets, many, plain);
      expect(outcome.left).toEqual([]);
      expect(outcome.recipients[1]?.code).toBe(Number(say.slice(0, 3)));
    },
  );

  test("before anybody was taken it is an ordinary 452", async () => {
    const { server, submitter } = await scripted({
      RCPT: tooMany,
      DATA: "503 5.5.1 no recipients",
    });
    const outcome = await submitter.submit(octets, many, plain);
    expect(states(outcome)).toEqual(["deferred", "deferred", "deferred"]);
    expect(outcome.left).toEqual([]);
    expect(dots(server)).toBe(0);
  });

  test("who is refused for good behind it is refused; who is taken gets it", async () => {
    const { submitter } = await scripted({
      RCPT: (line) =>
        line.includes("<c@") ? tooMany : line.includes("<d@") ? "550 5.1.1 no such user" : "250 2.1.5 ok",
    });
    const told: string[][] = [];
    const to = [...many.to, "e@example.org"];
    const outcome = await submitter.submit(
      octets,
      { from: "a@example.org", to },
      { ...plain, beforeDot: async (who) => void told.push(who) },
    );
    expect(outcome.recipients.map(({ email, state }) => [email.slice(0, 1), state])).toEqual([
      ["b", "accepted"],
      ["d", "rejected"],
      ["e", "accepted"],
    ]);
    expect(outcome.left).toEqual(["c@example.org"]);
    expect(told).toEqual([["b@example.org", "e@example.org"]]);
  });

  test("a message that is refused leaves those behind alone", async () => {
    const { submitter } = await scripted({
      RCPT: (_, nth) => (nth === 0 ? "250 ok" : tooMany),
      dot: "554 5.6.0 not this",
    });
    const outcome = await submitter.submit(octets, many, plain);
    expect(states(outcome)).toEqual(["rejected"]);
    expect(outcome.left).toEqual(["c@example.org", "d@example.org"]);
  });
});

test("one address is asked for once, and all that it stands for have its outcome", async () => {
  const { server, submitter } = await scripted({});
  const to = ["b@bücher.example", "c@example.org", "b@xn--bcher-kva.example"];
  const outcome = await submitter.submit(octets, { from: "a@example.org", to }, plain);
  expect(outcome.recipients.map(({ email, state }) => [email, state])).toEqual(to.map((email) => [email, "accepted"]));
  expect(rcpts(server.heard)).toEqual(["b", "c"]);
});

test("after MAILMAX transactions the session is another", async () => {
  const { server, submitter } = await scripted({ EHLO: "250-scripted\r\n250-LIMITS MAILMAX=2\r\n250 AUTH PLAIN" });
  for (let n = 0; n < 4; n += 1) await send(submitter, envelope, octets);
  expect(server.connections()).toBe(2);
});
