import { expect, test } from "vitest";
import { createDohResolver } from "../../src/net/resolve-doh.ts";

type Records = { type: number; data: string }[];

/** A resolver that answers from what is given, and the questions that it was asked. */
function resolverWith(answers: { A?: Records; AAAA?: Records; Status?: number; http?: number }) {
  const asked: string[] = [];
  const resolve = createDohResolver(async (url) => {
    asked.push(url);
    const type = new URL(url).searchParams.get("type") === "A" ? "A" : "AAAA";
    const { Status = 0, http = 200 } = answers;
    return Response.json({ Status, ...(answers[type] && { Answer: answers[type] }) }, { status: http });
  });
  return { resolve, asked };
}

test("the addresses of both families, without the names on the way to them", async () => {
  const alias = { type: 5, data: "mail.example.net." };
  const { resolve, asked } = resolverWith({
    A: [alias, { type: 1, data: "93.184.215.14" }],
    AAAA: [alias, { type: 28, data: "2606:4700::1111" }],
  });
  expect(await resolve("imap.example.com")).toEqual(["93.184.215.14", "2606:4700::1111"]);
  expect(asked).toEqual([
    "https://cloudflare-dns.com/dns-query?name=imap.example.com&type=A",
    "https://cloudflare-dns.com/dns-query?name=imap.example.com&type=AAAA",
  ]);
});

test("a name without addresses, and one that does not exist, have none", async () => {
  expect(await resolverWith({}).resolve("nothing.example.com")).toEqual([]);
  expect(await resolverWith({ Status: 3 }).resolve("absent.example.com")).toEqual([]);
});

test("a look-up that failed is not an absent name", async () => {
  await expect(resolverWith({ Status: 2 }).resolve("broken.example.com")).rejects.toThrow("response code 2");
  await expect(resolverWith({ http: 503 }).resolve("imap.example.com")).rejects.toThrow("503");
});

test("localhost is not asked for", async () => {
  const { resolve, asked } = resolverWith({});
  expect(await resolve("localhost")).toEqual(["127.0.0.1", "::1"]);
  expect(await resolve("imap.localhost")).toEqual(["127.0.0.1", "::1"]);
  expect(asked).toEqual([]);
});
