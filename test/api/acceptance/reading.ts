import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Message } from "../../../src/mail/message.ts";
import { arrivedIn, type BoxName, messageAt, put, read, type Stage, subjectOf } from "./stage.ts";
import { refused } from "./target.ts";

const file = randomBytes(120_001);

/** As it lies on the server's disk: lines end in LF. */
function mail(subject: string): string {
  return [
    "From: =?utf-8?Q?J=C3=BCrgen?= <juergen@werkstatt.test>",
    "To: Ann <ann@postern.test>",
    `Subject: =?utf-8?Q?Gr=C3=B6=C3=9Fe?= ${subject}`,
    "Date: Mon, 23 Nov 2026 08:00:00 +0100",
    `Message-ID: <${subject.replaceAll(" ", ".")}@werkstatt.test>`,
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="m"',
    "",
    "--m",
    'Content-Type: multipart/alternative; boundary="a"',
    "",
    "--a",
    "Content-Type: text/plain; charset=iso-8859-1",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "Gr=FC=DFe aus N=FCrnberg",
    "--a",
    "Content-Type: text/html; charset=utf-8",
    "",
    "<p>Hello</p><script>alert(1)</script>",
    "--a--",
    "--m",
    "Content-Type: application/pdf; name*=utf-8''na%C3%AFve.pdf",
    "Content-Disposition: attachment; filename*=utf-8''na%C3%AFve.pdf",
    "Content-Transfer-Encoding: base64",
    "",
    file.toString("base64").replaceAll(/.{76}/g, "$&\n"),
    "--m--",
    "",
  ].join("\n");
}

/** What every answer with a stranger's content carries. */
function expectSafe(headers: Headers): void {
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
  expect(headers.get("content-disposition")).toMatch(/^attachment; filename="/);
}

export function readingContract(stage: () => Stage): void {
  async function given(name: BoxName, what: string) {
    const box = stage().boxes[name];
    const subject = subjectOf(what);
    put(stage(), box, mail(subject));
    return { box, subject, message: await arrivedIn(box, subject) };
  }

  describe("a message", () => {
    test.each([
      ["IMAPS", "ann"],
      ["IMAP with STARTTLS", "bob"],
      ["POP3S", "cleo"],
      ["POP3 with STLS", "dan"],
    ] satisfies [string, BoxName][])("by %s is read as it was meant", async (_, name) => {
      const { box, subject, message } = await given(name, "read");
      const whole = await read(box, message);
      expect(whole).toMatchObject({
        id: message.id,
        subject: `Größe ${subject}`,
        from: { name: "Jürgen", email: "juergen@werkstatt.test" },
        to: [{ name: "Ann", email: "ann@postern.test" }],
        date: "2026-11-23T07:00:00.000Z",
        messageId: `<${subject.replaceAll(" ", ".")}@werkstatt.test>`,
        hasAttachment: true,
        attachments: [{ filename: "naïve.pdf", contentType: "application/pdf", inline: false }],
      });
      expect(whole.text?.trim()).toBe("Grüße aus Nürnberg");
      expect(whole.html).toContain("<p>Hello</p>");
      expect(whole.headers?.map((header) => header.name.toLowerCase())).toContain("message-id");
      // A look at it is not a reading of it.
      expect(whole.flags).toEqual({ seen: false, flagged: false, answered: false, draft: false });
    });

    test.each([
      ["IMAP", "bob"],
      ["POP3", "cleo"],
    ] satisfies [string, BoxName][])(
      "by %s is shown safely, and as text, and again only where it changed",
      async (_, name) => {
        const { box, message } = await given(name, "show");
        const at = messageAt(box, message);
        const get = (what: string, headers: Record<string, string> = {}, method = "GET") =>
          box.call<{ code: string }>(method, at + what, undefined, headers);
        const html = await get("/html");
        expect([html.status, html.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
        expect(html.text).toContain("<p>Hello</p>");
        expect(html.text).not.toContain("script");
        expect(html.headers.get("content-security-policy")).toMatch(/^sandbox .*default-src 'none'/);
        const text = await get("/text");
        expect([text.status, text.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
        expect(text.text.trim()).toBe("Grüße aus Nürnberg");
        for (const { headers, what } of [
          { headers: html.headers, what: "/html" },
          { headers: text.headers, what: "/text" },
          { headers: (await get("")).headers, what: "" },
        ]) {
          const etag = headers.get("etag") ?? "";
          const same = await get(what, { "If-None-Match": etag });
          expect([same.status, same.octets.length, same.headers.get("etag")]).toEqual([304, 0, etag]);
          const head = await get(what, {}, "HEAD");
          expect([head.status, head.octets.length, head.headers.get("etag")]).toEqual([200, 0, etag]);
        }
        const whole = await read(box, message);
        expect(whole).toMatchObject({ preview: "Grüße aus Nürnberg", invite: null, listUnsubscribe: null });
      },
    );

    test("is changed only as the caller knows it", async () => {
      const { box, message } = await given("ann", "if-match");
      const at = messageAt(box, message);
      const etag = (await box.call("GET", at)).headers.get("etag") ?? "";
      const patch = (flagged: boolean, ifMatch: string) =>
        box.call<{ code: string }>("PATCH", at, { flags: { flagged } }, { "If-Match": ifMatch });
      const changed = await patch(true, etag);
      expect(changed.status).toBe(200);
      expect(refused(await patch(false, etag))).toEqual([412, "precondition-failed"]);
      expect(refused(await box.call("DELETE", at, undefined, { "If-Match": etag }))).toEqual([
        412,
        "precondition-failed",
      ]);
      expect((await read(box, message)).flags.flagged).toBe(true);
      expect((await patch(false, changed.headers.get("etag") ?? "")).status).toBe(200);
    });

    test.each([
      ["IMAP", "ann"],
      ["POP3", "dan"],
    ] satisfies [string, BoxName][])(
      "by %s is had as the server holds it: whole, in ranges, or not again",
      async (_, name) => {
        const { box, subject, message } = await given(name, "raw");
        const raw = Buffer.from(mail(subject).replaceAll("\n", "\r\n"));
        const get = (headers: Record<string, string> = {}, method = "GET") =>
          box.call<{ code: string }>(method, `${messageAt(box, message)}/raw`, undefined, headers);
        const whole = await get();
        expect([whole.status, whole.octets.equals(raw)]).toEqual([200, true]);
        expect(whole.headers.get("content-type")).toBe("message/rfc822");
        expectSafe(whole.headers);
        const etag = whole.headers.get("etag") ?? "";
        const head = await get({}, "HEAD");
        expect([head.status, head.headers.get("etag"), head.octets.length]).toEqual([200, etag, 0]);
        const part = await get({ Range: "bytes=100-1099" });
        expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 100-1099/${raw.length}`]);
        expect(part.octets.equals(raw.subarray(100, 1100))).toBe(true);
        expect((await get({ Range: `bytes=${raw.length}-` })).status).toBe(416);
        expect((await get({ "If-None-Match": etag })).status).toBe(304);
        expect(refused(await get({ "If-Match": '"other"' }))).toEqual([412, "precondition-failed"]);
      },
    );

    test.each([
      ["IMAP", "ann"],
      ["POP3", "cleo"],
    ] satisfies [string, BoxName][])(
      "by %s has its attachment, octet for octet: whole, in ranges, and only ever to be saved",
      async (_, name) => {
        const { box, message } = await given(name, "attachment");
        const { attachments = [] }: Message = await read(box, message);
        const at = `${messageAt(box, message)}/attachments`;
        const get = (headers: Record<string, string> = {}) =>
          box.call("GET", `${at}/${attachments[0]?.id}`, undefined, headers);
        const whole = await get();
        expect([whole.status, whole.octets.equals(file)]).toEqual([200, true]);
        expect(whole.headers.get("content-type")).toBe("application/pdf");
        expectSafe(whole.headers);
        const part = await get({ Range: "bytes=1000-99999" });
        expect([part.status, part.octets.equals(file.subarray(1000, 100_000))]).toEqual([206, true]);
        const last = await get({ Range: "bytes=-5" });
        expect([last.status, last.octets.equals(file.subarray(-5))]).toEqual([206, true]);
        expect((await get({ Range: "bytes=200000-" })).status).toBe(416);
        expect(refused(await box.call("GET", `${at}/att_99`))).toEqual([404, "not-found"]);
        expect((await box.call("GET", `${at}/att_99`)).headers.get("content-type")).toBe("application/problem+json");
      },
    );
  });
}
