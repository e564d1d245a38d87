import { describe, expect, test } from "vitest";
import type { Part } from "../../src/mail/part.ts";
import { preview } from "../../src/mime/preview.ts";

const part = (facts: Partial<Part>): Part => ({
  contentType: "text/plain",
  parameters: {},
  disposition: null,
  filename: null,
  contentId: null,
  encoding: "8bit",
  section: "1",
  encodedSize: 0,
  children: [],
  ...facts,
});
const html = (text: string, isCut = false): Promise<string> =>
  preview(part({ contentType: "text/html", parameters: { charset: "utf-8" } }), Buffer.from(text), isCut);

test("is one line", async () => {
  expect(await preview(part({}), Buffer.from("Hi  Bob,\r\n\r\n\tone\r\ntwo"), false)).toBe("Hi Bob, one two");
  expect(await preview(part({}), Buffer.from(""), false)).toBe("");
  const long = await preview(part({}), Buffer.from("😀".repeat(400)), true);
  expect(long.length).toBeLessThanOrEqual(200);
  expect(long.isWellFormed() && long.endsWith("😀…")).toBe(true);
});

test("leaves quotes out, as far as anything else is there", async () => {
  expect(await preview(part({}), Buffer.from("Yes.\n\nOn 1 Jan 2026, Ann wrote:\n> no"), false)).toBe("Yes.");
  expect(await preview(part({}), Buffer.from("> no"), false)).toBe("> no");
});

describe("however the octets are cut", () => {
  const said = "Grüße aus Łódź — 日本語のメール 😀 für alle, die das hier lesen. ";

  test.each([
    ["8bit", "utf-8", (text: string) => Buffer.from(text)],
    ["8bit without a charset", null, (text: string) => Buffer.from(text)],
    [
      "base64",
      "utf-8",
      (text: string) => Buffer.from(Buffer.from(text).toString("base64").replace(/.{76}/g, "$&\r\n")),
    ],
    [
      "quoted-printable",
      "utf-8",
      (text: string) =>
        Buffer.from(
          [...Buffer.from(text)]
            .map((octet) =>
              octet < 0x80 && octet !== 0x3d ? String.fromCharCode(octet) : `=${octet.toString(16).toUpperCase()}`,
            )
            .join(""),
        ),
    ],
    ["8bit", "utf-16le", (text: string) => Buffer.from(text, "utf16le")],
  ])("%s, %s", async (encoding, charset, encode) => {
    const octets = encode(said.repeat(3));
    const parameters: Record<string, string> = charset === null ? {} : { charset };
    for (let length = 60; length < 200; length++) {
      const shown = await preview(
        part({ encoding: encoding.split(" ")[0] ?? "", parameters }),
        octets.subarray(0, length),
        true,
      );
      expect(said.repeat(3).startsWith(shown.replace(/…$/, "")), `${length}: ${shown}`).toBe(true);
      expect(shown.length).toBeGreaterThan(5);
    }
  });

  test("and HTML is", async () => {
    const page =
      '<html><body class="a b"><p title="c>d">One &amp; two&nbsp;<b>three</b></p><a href="https://x.example/?q=1">four</a></body>';
    for (let length = 0; length <= page.length; length++)
      expect("One & two three four").toContain(await html(page.slice(0, length), true));
  });

  test("no more than 2 kB are looked at", async () => {
    const shown = await preview(part({}), Buffer.from(" ".repeat(2048) + "behind"), false);
    expect(shown).toBe("");
  });
});

test("of HTML a preheader counts, but not what it is filled up with", async () => {
  const filler = "&zwnj;&nbsp;&#847;&#8199;&shy;".repeat(30);
  expect(await html(`<style>p{}</style><div style="display:none">News of May${filler}</div><p>Dear Bob</p>`)).toBe(
    "News of May Dear Bob",
  );
  expect(await html(`<style>${"p{color:red}".repeat(300)}</style><p>a</p>`, true)).toBe("");
});

test("characters that join others stay", async () =>
  expect(
    await preview(part({ parameters: { charset: "utf-8" } }), Buffer.from("می\u200cخواهم 👩\u200d💻"), false),
  ).toBe("می\u200cخواهم 👩\u200d💻"));
