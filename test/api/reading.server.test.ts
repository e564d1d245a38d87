import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Message } from "../../src/mail/message.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { boxWith, imagePart, listed, mailOf, mailOfParts, onlyOne, pagesOf, protocols, textPart } from "./shown.ts";
import { type Api, startApi } from "./start.ts";
import { good } from "./webhooks.ts";

let stack: MailStack;
let api: Api;
const house = () => ({ api, stack });

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  api.call(method, path, undefined, { headers });
const mixed = (...parts: Parameters<typeof mailOfParts>[1]) => mailOfParts("multipart/mixed", parts);
const alternative = (...parts: Parameters<typeof mailOfParts>[1]) => mailOfParts("multipart/alternative", parts);
const related = (...parts: Parameters<typeof mailOfParts>[1]) => mailOfParts("multipart/related", parts);
const html = (body: string) => textPart(body, "html");

describe.each(protocols)("by %s", (protocol) => {
  test("html is sanitised, with a policy, and loads nothing remote unless that is wanted", async () => {
    const raw = html('<p onclick="x()">Hello <img src="https://x.invalid/a.png"><script>alert(1)</script></p>');
    const { at } = await onlyOne(house(), protocol, mailOf("text/html; charset=utf-8", raw.body));
    const page = await get(`${at}/html`);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.text).toMatch(/^<!doctype html>\n<meta charset="utf-8">\n/);
    expect(page.text).toContain('<meta http-equiv="x-dns-prefetch-control" content="off">');
    expect(page.text).toContain("<p>Hello <img");
    expect(page.text).not.toMatch(/script|onclick|x\.invalid/);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^sandbox [^;]*; default-src 'none'; img-src 'self' data:;/);
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    expect(page.headers.get("cache-control")).toBe("private, no-cache");
    expect(page.headers.get("remote-images-blocked")).toBe("1");
    const open = await get(`${at}/html?remote=allow`);
    expect(open.text).toContain('<img src="https://x.invalid/a.png"');
    expect(open.headers.get("remote-images-blocked")).toBe("0");
    expect(open.headers.get("content-security-policy")).toContain("img-src 'self' data: http: https:;");
  });

  test("of a message with only text html is that text, escaped; text is that text", async () => {
    const { at } = await onlyOne(house(), protocol, mailOf("text/plain; charset=utf-8", "1 < 2 & <b>ü</b>\n\n  x\n"));
    const page = await get(`${at}/html`);
    expect(page.text).toContain("1 &lt; 2 &amp; &lt;b&gt;ü&lt;/b&gt;\n\n  x\n</div>");
    const text = await get(`${at}/text`);
    expect(text.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(text.headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
    expect(text.text).toBe("1 < 2 & <b>ü</b>\n\n  x\n");
    expect(text.headers.get("text-source")).toBe("text");
  });

  test("text is made from html where there is none that says anything", async () => {
    const raw = alternative(textPart("\n"), html("<h1>Hi</h1><p>See <a href='https://a.test/'>this</a></p>"));
    const { at } = await onlyOne(house(), protocol, raw);
    const text = await get(`${at}/text`);
    expect(text.text).toBe("Hi\n\nSee this <https://a.test/>");
    expect(text.headers.get("text-source")).toBe("html");
  });

  test("reply=only leaves out what is quoted, in both", async () => {
    const own = '<div>Yes.</div><div class="gmail_quote"><div class="gmail_attr">On Monday Ann wrote:</div>';
    const raw = alternative(
      textPart("Yes.\n\nOn Mon, Nov 23, 2026 at 9:00 AM Ann <ann@postern.test> wrote:\n> Shall we?\n"),
      html(`${own}<blockquote class="gmail_quote">Shall we?</blockquote></div>`),
    );
    const { at } = await onlyOne(house(), protocol, raw);
    for (const what of ["html", "text"]) {
      expect((await get(`${at}/${what}`)).text).toContain("Shall we?");
      const only = await get(`${at}/${what}?reply=only`);
      expect(only.text).toContain("Yes.");
      expect(only.text).not.toContain("Shall we?");
    }
  });

  test("images that the message brings along are in the page, if they are images", async () => {
    const octets = randomBytes(3000);
    const raw = related(
      html(
        '<img src="cid:a@x"><p style="background:url(cid:a@x)">x</p><img src="cid:svg"><img src="cid:no" alt="none">',
      ),
      imagePart("a@x", octets),
      imagePart("svg", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"), "image/svg+xml"),
    );
    const { at } = await onlyOne(house(), protocol, raw);
    const { text } = await get(`${at}/html`);
    const url = `data:image/png;base64,${octets.toString("base64")}`;
    expect(text).toContain(`<img src="${url}"`);
    expect(text).toContain(`background:url(&quot;${url}&quot;)`);
    expect(text.match(/<img[^>]*>/g)?.slice(1)).toEqual(["<img />", '<img alt="none" />']);
    const without = await get(`${at}/html?images=omit`);
    expect(without.text).not.toContain("data:image");
  });

  test("of a thousand images fifty are shown, and none that is too large", async () => {
    const small = Array.from({ length: 1000 }, (_, n) => imagePart(`i${n}`, Buffer.from(`image ${n}`)));
    const large = [imagePart("large", randomBytes(1024 * 1024 + 3000)), imagePart("fits", randomBytes(900_000))];
    const references = ["large", "fits", ...small.map((_, n) => `i${n}`)].map(
      (id) => `<img src="cid:${id}" alt="${id}">`,
    );
    const { at } = await onlyOne(house(), protocol, related(html(references.join("\n")), ...large, ...small));
    const pages = await pagesOf(api, `${at}/html`);
    const shown = pages.flatMap(({ text }) => [...text.matchAll(/<img alt="(\w+)" src="data:/g)].map(([, alt]) => alt));
    expect(shown).toEqual(["fits", ...Array.from({ length: 49 }, (_, n) => `i${n}`)]);
    expect(pages.flatMap(({ text }) => text.match(/<img/g) ?? []).length).toBe(1002);
  });

  test("one image shown very often does not make a page without end", async () => {
    const raw = related(html('<img src="cid:a">'.repeat(2000)), imagePart("a", randomBytes(700_000)));
    const { at } = await onlyOne(house(), protocol, raw);
    const { text } = await get(`${at}/html`);
    expect(text.match(/src="data:image\/png;base64/g)?.length).toBe(7);
    expect(text.length).toBeLessThan(8_000_000);
  });

  test("what is long comes in pages, the same ones whatever is in them", async () => {
    const words = Array.from(
      { length: 12_000 },
      (_, n) => `<p>paragraph <b>number ${n}</b> é\u{1f600}${" lorem ipsum".repeat(10)}</p>`,
    ).join("\n");
    const raw = related(html(`<img src="cid:a">${words}<img src="cid:a">`), imagePart("a", randomBytes(2000)));
    const { at } = await onlyOne(house(), protocol, raw);
    const pages = await pagesOf(api, `${at}/html?reply=only&remote=allow`);
    expect(pages.length).toBeGreaterThan(1);
    // Where a page ends one may be in two pieces.
    const numbers = pages.flatMap(({ text }) => text.match(/number \d+/g) ?? []);
    expect(numbers.length).toBeGreaterThan(12_000 - pages.length);
    expect(pages[1]?.text).not.toContain("number 0<");
    expect([0, -1].map((n) => pages.at(n)?.text.includes("data:image/png"))).toEqual([true, true]);
    expect(pages[0]?.headers.get("link")).toContain("reply=only&remote=allow&from=");
    expect(new Set(pages.map(({ headers }) => headers.get("etag"))).size).toBe(pages.length);
    const text = await pagesOf(api, `${at}/text`);
    expect(text.length).toBeGreaterThan(1);
    expect(text.flatMap((page) => page.text.match(/number \d+/g) ?? []).length).toBeGreaterThan(5_000);
  });

  test("a text of more than 4 MiB is cut, and says so", async () => {
    const line = "All work and no play makes Jack a dull boy, said the emoji \u{1f600} again.\n";
    const { at } = await onlyOne(house(), protocol, mailOf("text/plain; charset=utf-8", line.repeat(70_000)));
    const pages = await pagesOf(api, `${at}/text`);
    const all = pages.map(({ text }) => text).join("");
    expect([all.length > 3_900_000, all.startsWith(line.repeat(1000))]).toEqual([true, true]);
    expect(all.slice(0, 3_000_000)).not.toContain("\ufffd");
    expect(pages.every(({ headers }) => headers.get("message-warnings")?.includes("body-truncated"))).toBe(true);
    const shown = await pagesOf(api, `${at}/html`);
    expect(shown.length).toBeGreaterThan(3);
    expect(shown.at(-1)?.text.endsWith("</div>")).toBe(true);
  });

  test.each([
    ["iso-8859-1", Buffer.from("Gr\xfc\xdfe", "latin1"), "Grüße", undefined],
    ["utf-16", Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("Grüße", "utf16le")]), "Grüße", undefined],
    ["shift_jis", Buffer.from([0x93, 0xfa, 0x96, 0x7b]), "日本", undefined],
    ["x-made-up", Buffer.from("plain"), "plain", "charset-unknown"],
    ["utf-8", Buffer.from([0x61, 0xff, 0x62]), "a\ufffdb", "encoding-broken"],
  ])("what is in %s is shown as people read it", async (charset, octets, expected, warning) => {
    const headers = ["Content-Transfer-Encoding: base64"];
    for (const type of ["plain", "html"]) {
      const raw = mailOf(`text/${type}; charset=${charset}`, octets.toString("base64"), headers);
      const { at } = await onlyOne(house(), protocol, raw);
      for (const what of ["html", "text"]) {
        const page = await get(`${at}/${what}`);
        expect(page.text).toContain(expected);
        expect(page.headers.get("message-warnings") ?? undefined).toBe(warning);
      }
    }
  });

  test("a message that says nothing is an empty page", async () => {
    const { at } = await onlyOne(house(), protocol, mixed({ headers: ["Content-Type: application/pdf"], body: "x" }));
    const [page, text] = [await get(`${at}/html`), await get(`${at}/text`)];
    expect([page.status, text.status, text.text]).toEqual([200, 200, ""]);
    expect((await get(`${at}/html?from=99999`)).status).toBe(200);
    expect((await get(`${at}/text?from=-1`)).status).toBe(422);
  });

  test("HEAD and If-None-Match answer without the page; a message that is not there is 404 or 410", async () => {
    const { at, path } = await onlyOne(house(), protocol, mailOf("text/html", "<p>x</p>"));
    for (const what of ["html", "text"]) {
      const page = await get(`${at}/${what}`);
      const etag = page.headers.get("etag") ?? "";
      expect(etag).toMatch(/^"[\w-]+"$/);
      const head = await get(`${at}/${what}`, {}, "HEAD");
      expect([head.status, head.text, head.headers.get("etag")]).toEqual([200, "", etag]);
      expect(head.headers.get("content-type")).toBe(page.headers.get("content-type"));
      const same = await get(`${at}/${what}`, { "If-None-Match": etag });
      expect([same.status, same.text, same.headers.get("etag")]).toEqual([304, "", etag]);
      expect((await get(`${at}/${what}?reply=only`, { "If-None-Match": etag })).status).toBe(200);
      expect((await get(`${at}/${what}`, { "If-Match": '"other"' })).status).toBe(412);
    }
    const { headers } = await get(`${at}/html`);
    expect((await api.call("DELETE", `${at}?permanent=true`)).status).toBe(204);
    expect((await get(`${at}/html`)).status).toBe(410);
    expect((await get(`${at}/html`, { "If-None-Match": headers.get("etag") ?? "" })).status).toBe(410);
    expect((await get(`${path}/messages/msg_${"A".repeat(30)}/html`)).status).toBe(404);
  });

  test("a message tells its preview, its invitation, how its list is left, and what was checked", async () => {
    const calendar = [
      "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@x\r\nDTSTART:20261201T100000Z\r\nDTEND:20261201T110000Z",
      "SUMMARY:Caf\u00e9\r\nORGANIZER;CN=Ann:mailto:ann@postern.test\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ].join("\r\n");
    const invitation = {
      headers: ["Content-Type: text/calendar; method=REQUEST; charset=utf-8", "Content-Transfer-Encoding: base64"],
      body: Buffer.from(calendar).toString("base64"),
    };
    const { at } = await onlyOne(
      house(),
      protocol,
      mailOfParts(
        "multipart/alternative",
        [textPart("Come to the café.\n> old"), html("<p>Come</p>"), invitation],
        [
          "List-Unsubscribe: <mailto:leave@list.test>, <https://list.test/leave>",
          "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
          "Authentication-Results: mx.test; dkim=pass header.d=postern.test; spf=softfail smtp.mailfrom=x.test",
        ],
      ),
    );
    const message = await good(api.call<Message>("GET", at));
    expect(message).toMatchObject({
      preview: "Come to the café.",
      text: expect.stringContaining("Come to the café.\n> old"),
      html: expect.stringContaining("<p>Come</p>"),
      listUnsubscribe: { mailto: ["mailto:leave@list.test"], https: ["https://list.test/leave"], oneClick: true },
      invite: {
        method: "REQUEST",
        events: [{ uid: "1@x", summary: "Café", start: { utc: "2026-12-01T10:00:00.000Z" } }],
      },
      authenticationResults: [
        { authservId: "mx.test", results: [{ method: "dkim", result: "pass" }, { method: "spf" }] },
      ],
      warnings: [],
    });
    const plain = await onlyOne(house(), protocol, mailOf("text/plain", "x"));
    expect(await good(api.call<Message>("GET", plain.at))).toMatchObject({
      preview: "x",
      invite: null,
      listUnsubscribe: null,
      authenticationResults: [],
    });
  });

  test("an ETag holds as long as nothing has changed; what was changed meanwhile is not changed again", async () => {
    const { at } = await onlyOne(house(), protocol, mailOf("text/plain", "x"));
    const first = await get(at);
    const etag = first.headers.get("etag") ?? "";
    const same = await get(at, { "If-None-Match": `"x", W/${etag}` });
    expect([same.status, same.text, same.headers.get("etag")]).toEqual([304, "", etag]);
    const patch = (body: unknown, ifMatch: string) =>
      api.call<Message & { code: string }>("PATCH", at, body, { headers: { "If-Match": ifMatch } });
    const done = await patch({ flags: { flagged: true } }, etag);
    const now = done.headers.get("etag") ?? "";
    expect([done.status, done.body.flags.flagged, now === etag]).toEqual([200, true, false]);
    const late = await patch({ flags: { flagged: false } }, etag);
    expect([late.status, late.body.code]).toEqual([412, "precondition-failed"]);
    expect((await get(at, { "If-None-Match": etag })).status).toBe(200);
    expect((await get(at, { "If-None-Match": now })).status).toBe(304);
    const removal = (ifMatch: string) =>
      api.call("DELETE", `${at}?permanent=true`, undefined, { headers: { "If-Match": ifMatch } });
    expect((await removal(etag)).status).toBe(412);
    expect((await good(api.call<Message>("GET", at))).flags.flagged).toBe(true);
    expect((await patch({ keywords: { add: ["a"] } }, "*")).status).toBe(200);
    expect((await removal(now)).status).toBe(412);
    expect((await removal("*")).status).toBe(204);
  });

  test("of many who change a message as they know it, one does", async () => {
    const { at } = await onlyOne(house(), protocol, mailOf("text/plain", "x"));
    const etag = (await get(at)).headers.get("etag") ?? "";
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        api.call<Message>("PATCH", at, { keywords: { add: [`k${n}`] } }, { headers: { "If-Match": etag } }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, ...Array<number>(7).fill(412)]);
    const won = answers.find(({ status }) => status === 200);
    expect((await good(api.call<Message>("GET", at))).keywords).toEqual(won?.body.keywords);
  });

  test("a list has previews, texts, headers and references where they are asked for", async () => {
    const { path } = await boxWith(house(), protocol, [
      mailOf("text/plain; charset=utf-8", "First\n", ["References: <a@x> <b@x>", "X-Made: up"]),
      alternative(textPart("Second ü\n"), html("<p>Second, with much more to say</p>")),
      mixed(html("<style>p{}</style><p>Third</p>"), imagePart("a", randomBytes(100))),
      mailOf("text/html", Buffer.from("<p>Fourth</p>".repeat(2000)).toString("base64"), [
        "Content-Transfer-Encoding: base64",
      ]),
      mixed({ headers: ["Content-Type: application/pdf"], body: "x" }),
    ]);
    const plain = await listed(api, path);
    expect(plain.every((one) => !("preview" in one || "text" in one || "headers" in one || "references" in one))).toBe(
      true,
    );
    const previews = await listed(api, path, "?include=preview,references");
    // Of a message without text a maildrop's TOP tells none.
    expect(previews.map(({ preview = "" }) => preview.slice(0, 8)).toSorted()).toEqual([
      "",
      "First",
      "Fourth F",
      "Second ü",
      "Third",
    ]);
    const first = previews.find(({ preview }) => preview === "First");
    expect(first?.references).toEqual(["<a@x>", "<b@x>"]);
    const all = await listed(api, path, "?include=text,html,headers,preview");
    for (const one of all) {
      const whole = await good(api.call<Message>("GET", `${path}/messages/${one.id}`));
      expect([one.text, one.html, one.headers, one.preview]).toEqual([
        whole.text,
        whole.html,
        whole.headers,
        whole.preview,
      ]);
      expect(one.preview).toBe(previews.find(({ id }) => id === one.id)?.preview ?? "");
    }
    const headers = await listed(api, path, "?include=headers");
    expect(headers.map((one) => one.headers)).toEqual(all.map((one) => one.headers));
  });

  test("texts that are too many for a page are left out, and it says so", async () => {
    const raw = mailOf("text/plain", "A line of text that goes on.\n".repeat(100_000));
    const { path } = await boxWith(house(), protocol, [raw, raw, raw, raw]);
    const all = await listed(api, path, "?include=text");
    expect(all.map((one) => [one.text === undefined, one.warnings])).toEqual([
      [false, []],
      [false, []],
      [true, ["body-omitted"]],
      [true, ["body-omitted"]],
    ]);
  });
});
