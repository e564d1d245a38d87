import { describe, expect, test } from "vitest";
import { authenticationResults } from "../../src/mime/authentication-results.ts";
import { listUnsubscribe } from "../../src/mime/list-unsubscribe.ts";

const unsubscribe = (value: string, post?: string) =>
  listUnsubscribe([
    { name: "List-Unsubscribe", value },
    ...(post === undefined ? [] : [{ name: "list-unsubscribe-post", value: post }]),
  ]);

describe("List-Unsubscribe", () => {
  test.each([
    [
      "<mailto:a@x.example?subject=off>, <https://x.example/off?u=1>",
      ["mailto:a@x.example?subject=off"],
      ["https://x.example/off?u=1"],
    ],
    ["(by mail) <mailto:a@x.example>(list)", ["mailto:a@x.example"], []],
    ["<https://x.example/a\tb>", [], ["https://x.example/ab"]],
    ["https://x.example/off", [], ["https://x.example/off"]],
    ["<HTTPS://X.example/>, <https://x.example/>", [], ["https://x.example/"]],
  ])("%s", (value, mailto, https) => expect(unsubscribe(value)).toEqual({ mailto, https, oneClick: false }));

  test.each(["", "<>", "<http://x.example/>", "<javascript:x>", "<ftp://x>, none", "<https://>"])("none: %s", (value) =>
    expect(unsubscribe(value)).toBe(null),
  );

  test("one click, where there is something to post to", () => {
    const post = "List-Unsubscribe=One-Click";
    expect(unsubscribe("<https://x.example/>", post)?.oneClick).toBe(true);
    expect(unsubscribe("<https://x.example/>", `${post}, x`)?.oneClick).toBe(false);
    expect(unsubscribe("<mailto:a@x.example>", post)?.oneClick).toBe(false);
    expect(listUnsubscribe([])).toBe(null);
  });

  test("much is bounded", () => {
    expect(unsubscribe("<https://x.example/1>".repeat(50_000))?.https).toEqual(["https://x.example/1"]);
    expect(unsubscribe("<".repeat(1_000_000))).toBe(null);
    expect(unsubscribe(`<https://x.example/${"a".repeat(5000)}>`)).toBe(null);
  });
});

const results = (...values: string[]) =>
  authenticationResults(values.map((value) => ({ name: "Authentication-Results", value })));

describe("Authentication-Results", () => {
  test("as Google writes them", () =>
    expect(
      results(
        'mx.google.com; dkim=pass header.i=@x.example header.s=s1 header.b="ab; c/"; spf=pass (google.com: domain of a@x.example designates 1.2.3.4 as permitted sender) smtp.mailfrom=a@x.example; dmarc=fail reason="bad; really" (p=NONE sp=NONE dis=NONE) header.from=x.example; arc=pass (i=1); iprev=pass policy.iprev=1.2.3.4',
      ),
    ).toEqual([
      {
        authservId: "mx.google.com",
        results: [
          {
            method: "dkim",
            result: "pass",
            reason: null,
            properties: [
              { type: "header", name: "i", value: "@x.example" },
              { type: "header", name: "s", value: "s1" },
              { type: "header", name: "b", value: "ab; c/" },
            ],
          },
          {
            method: "spf",
            result: "pass",
            reason: null,
            properties: [{ type: "smtp", name: "mailfrom", value: "a@x.example" }],
          },
          {
            method: "dmarc",
            result: "fail",
            reason: "bad; really",
            properties: [{ type: "header", name: "from", value: "x.example" }],
          },
          { method: "arc", result: "pass", reason: null, properties: [] },
        ],
      },
    ]));

  test.each([
    ["example.org 1; none", "example.org", []],
    ["example.org; none", "example.org", []],
    ["Example.ORG/x ; SPF = Fail smtp.mailfrom=x", "example.org", ["spf fail"]],
    [
      "spf=pass (sender IP is 1.2.3.4) smtp.mailfrom=x; dkim=none;dmarc=pass action=none header.from=x;compauth=pass reason=100",
      null,
      ["spf pass", "dkim none", "dmarc pass"],
    ],
    [
      "foo.example (a (nested; spf=fail) \\) comment); dkim/1=pass (x; dkim=fail) header.d=x",
      "foo.example",
      ["dkim pass"],
    ],
    ['"a.example"; spf=pass', "a.example", ["spf pass"]],
    ["a; dkim=pass; dkim=fail", "a", ["dkim pass", "dkim fail"]],
    ["a; (spf=pass", "a", []],
    ['a; x="; spf=pass', "a", []],
    ["", null, []],
  ])("%s", (value, id, expected) => {
    const [first] = results(value);
    expect(first?.authservId).toBe(id);
    expect(first?.results.map(({ method, result }) => `${method} ${result}`)).toEqual(expected);
  });

  test("each field by itself, in their order, for a forged one may name the same host", () => {
    expect(results("a; spf=fail", "a; spf=pass").map((entry) => entry.results[0]?.result)).toEqual(["fail", "pass"]);
    expect(authenticationResults([{ name: "ARC-Authentication-Results", value: "i=1; a; spf=pass" }])).toEqual([]);
  });

  test("much is bounded, in short time", () => {
    const begin = performance.now();
    for (const piece of ["(", ")", ";", '"', "\\", "spf=pass;", "a.b=", "a. ", " ", "spf=pass x.y=z "])
      expect(results(piece.repeat(1_000_000))[0]?.results.length).toBeLessThanOrEqual(50);
    expect(results(...Array.from({ length: 1000 }, () => "a; none")).length).toBe(20);
    expect(performance.now() - begin).toBeLessThan(2000);
  });
});
