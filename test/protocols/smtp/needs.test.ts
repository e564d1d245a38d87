import { describe, expect, test } from "vitest";
import { closeAfterEach, envelope, mail, mailFroms, plain, scripted } from "./submitting.ts";

closeAfterEach();

const octets = Buffer.from(mail);
const all = "250-scripted\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n250 AUTH PLAIN";
const none = "250-scripted 8BITMIME SMTPUTF8 SIZE 10\r\n250 AUTH PLAIN";

describe("what a message needs", () => {
  test.each([
    ["nothing", {}, {}, ""],
    ["an 8-bit body", { eightBit: true }, {}, " BODY=8BITMIME"],
    ["a header beyond ASCII", { utf8: true }, {}, " SMTPUTF8"],
    ["both", { eightBit: true, utf8: true }, {}, " SMTPUTF8 BODY=8BITMIME"],
    ["a recipient beyond ASCII", {}, { to: ["jürgen@example.org"] }, " SMTPUTF8"],
    ["a domain beyond ASCII, which is none", {}, { to: ["b@bücher.example"] }, ""],
  ])("%s", async (_, needs, to, parameters) => {
    const { server, submitter } = await scripted({ EHLO: all });
    await submitter.submit(octets, { ...envelope, ...to }, { ...plain, ...needs });
    expect(mailFroms(server)).toEqual([`MAIL FROM:<a@example.org>${parameters} SIZE=${mail.length}`]);
  });

  test.each([
    ["an 8-bit body", { eightBit: true }, {}],
    ["a header beyond ASCII", { utf8: true }, {}],
    ["a recipient beyond ASCII", {}, { to: ["jürgen@example.org"] }],
    ["a sender beyond ASCII", {}, { from: "jürgen@example.org" }],
  ])("%s, not offered: fails before the first command, and the session serves the next", async (_, needs, to) => {
    const { server, submitter } = await scripted({ EHLO: none });
    await expect(submitter.submit(octets, { ...envelope, ...to }, { ...plain, ...needs })).rejects.toMatchObject({
      code: "unsupported-by-server",
      details: { fix: expect.any(String), upstream: { protocol: "smtp" } },
    });
    expect(mailFroms(server)).toEqual([]);
    await submitter.submit(octets, envelope, { ...plain });
    expect(mailFroms(server)).toEqual(["MAIL FROM:<a@example.org>"]);
    expect(server.connections()).toBe(1);
  });

  test.each([
    ["no SIZE", "250-scripted\r\n250 AUTH PLAIN", null, ""],
    ["SIZE 0", "250-scripted\r\n250-SIZE 0\r\n250 AUTH PLAIN", null, ` SIZE=${mail.length}`],
    ["SIZE without a figure", "250-scripted\r\n250-SIZE\r\n250 AUTH PLAIN", null, ` SIZE=${mail.length}`],
    ["SIZE in lower case", "250-scripted\r\n250-size 500\r\n250 auth plain", 500, ` SIZE=${mail.length}`],
  ])("%s", async (_, EHLO, size, parameters) => {
    const { server, submitter } = await scripted({ EHLO });
    expect(await submitter.limits()).toMatchObject({ size });
    const outcome = await submitter.submit(octets, envelope, plain);
    expect(outcome.recipients[0]?.state).toBe("accepted");
    expect(mailFroms(server)).toEqual([`MAIL FROM:<a@example.org>${parameters}`]);
  });
});
