import { describe, expect, test } from "vitest";
import type { Part } from "../../src/mail/part.ts";
import { attachments, bodyParts, findPart, hasAttachment } from "../../src/mime/walk.ts";
import { leaf, message, multi, tree } from "./parts.ts";

const plain = leaf("text/plain");
const html = leaf("text/html");
const pdf = leaf("application/pdf", { disposition: "attachment", filename: "offer.pdf", encoding: "base64" });
const logo = leaf("image/png", { disposition: "inline", contentId: "logo@x", encoding: "base64" });
const photo = leaf("image/jpeg", { disposition: "inline", filename: "photo.jpg", encoding: "base64" });
const calendar = leaf("text/calendar", { parameters: { method: "REQUEST" } });
const signature = leaf("application/pgp-signature", { filename: "signature.asc" });

type Case = { name: string; root: Part; text?: string[]; html?: string[]; files?: string[]; inline?: string[] };

const cases: Case[] = [
  { name: "plain text", root: plain, text: ["1"] },
  { name: "html alone", root: html, html: ["1"] },
  { name: "a file alone", root: pdf, files: ["1"] },
  {
    name: "a text that says it is an attachment",
    root: leaf("text/plain", { disposition: "attachment" }),
    files: ["1"],
  },
  { name: "a message alone", root: message(plain), files: ["1"] },
  { name: "alternative", root: multi("alternative", [plain, html]), text: ["1"], html: ["2"] },
  {
    name: "alternative with a calendar",
    root: multi("alternative", [plain, html, calendar]),
    text: ["1"],
    html: ["2"],
    files: ["3"],
  },
  {
    name: "of two equal alternatives the last",
    root: multi("alternative", [plain, plain, html, html]),
    text: ["2"],
    html: ["4"],
    files: ["1", "3"],
  },
  {
    name: "an alternative that says it is an attachment does not hide the other",
    root: multi("alternative", [html, leaf("text/html", { disposition: "attachment" })]),
    html: ["1"],
    files: ["2"],
  },
  {
    name: "the usual tree of a web mailer",
    root: multi("mixed", [multi("related", [multi("alternative", [plain, html]), logo]), pdf]),
    text: ["1.1.1"],
    html: ["1.1.2"],
    files: ["2"],
    inline: ["1.2"],
  },
  {
    name: "related inside alternative",
    root: multi("alternative", [plain, multi("related", [html, logo])]),
    text: ["1"],
    html: ["2.1"],
    inline: ["2.2"],
  },
  {
    name: "text between attachments",
    root: multi("mixed", [plain, photo, plain, pdf, plain]),
    text: ["1", "3", "5"],
    files: ["2", "4"],
  },
  {
    name: "html between attachments inside an alternative, with a list's footer",
    root: multi("alternative", [plain, multi("mixed", [html, pdf, html, plain])]),
    text: ["1", "2.4"],
    html: ["2.1", "2.3"],
    files: ["2.2"],
  },
  {
    name: "related whose start is not the first",
    root: multi("related", [logo, leaf("text/html", { contentId: "root@x" })], { parameters: { start: "<root@x>" } }),
    html: ["2"],
    inline: ["1"],
  },
  {
    name: "related whose start is nowhere",
    root: multi("related", [leaf("text/html", { contentId: "a@x" }), logo], { parameters: { start: "<b@x>" } }),
    html: ["1"],
    inline: ["2"],
  },
  {
    name: "related used as alternative",
    root: multi("related", [plain, html, logo]),
    text: ["1"],
    html: ["2"],
    inline: ["3"],
  },
  {
    name: "a frame in related",
    root: multi("related", [html, leaf("text/html", { contentId: "frame@x" })]),
    html: ["1"],
    inline: ["2"],
  },
  {
    name: "an image in related that says it is an attachment",
    root: multi("related", [html, leaf("image/png", { contentId: "a@x", disposition: "attachment" })]),
    html: ["1"],
    files: ["2"],
  },
  {
    name: "an image with an id outside related, and a document with one",
    root: multi("mixed", [html, logo, leaf("application/pdf", { contentId: "p@x", disposition: "inline" })]),
    html: ["1"],
    inline: ["2"],
    files: ["3"],
  },
  {
    name: "a text file inline",
    root: multi("mixed", [plain, leaf("text/plain", { disposition: "inline", filename: "log.txt" })]),
    text: ["1"],
    files: ["2"],
  },
  {
    name: "a named body",
    root: multi("mixed", [leaf("text/plain", { filename: "mail.txt" }), pdf]),
    text: ["1"],
    files: ["2"],
  },
  {
    name: "other texts",
    root: multi("mixed", [plain, leaf("text/csv"), leaf("text/enriched")]),
    text: ["1"],
    files: ["2", "3"],
  },
  {
    name: "signed",
    root: multi("signed", [multi("alternative", [plain, html]), signature]),
    text: ["1.1"],
    html: ["1.2"],
    files: ["2"],
  },
  {
    name: "encrypted",
    root: multi("encrypted", [leaf("application/pgp-encrypted"), leaf("application/octet-stream")]),
    files: ["1", "2"],
  },
  {
    name: "a bounce",
    root: multi("report", [plain, leaf("message/delivery-status"), message(multi("mixed", [plain, pdf]))]),
    text: ["1"],
    files: ["2", "3"],
  },
  { name: "a digest", root: multi("digest", [message(plain), message(html)]), files: ["1", "2"] },
  { name: "an unknown multipart", root: multi("x-odd", [plain, pdf]), text: ["1"], files: ["2"] },
  { name: "a multipart without parts", root: multi("mixed", []) },
];

describe("the walker", () => {
  test.each(cases)("$name", ({ root, text = [], html = [], files = [], inline = [] }) => {
    const numbered = tree(root);
    const body = bodyParts(numbered);
    expect(body.text.map((part) => part.section)).toEqual(text);
    expect(body.html.map((part) => part.section)).toEqual(html);
    const found = attachments(numbered);
    expect(found.filter((one) => !one.inline).map((one) => one.id)).toEqual(files.map((section) => `att_${section}`));
    expect(found.filter((one) => one.inline).map((one) => one.id)).toEqual(inline.map((section) => `att_${section}`));
    expect(hasAttachment(numbered)).toBe(files.length > 0);
    for (const one of found) expect(findPart(numbered, one.id.slice(4))?.contentType).toBe(one.contentType);
  });

  test("an attachment in the API's shape", () => {
    const file = leaf("application/pdf", { filename: "a.pdf", encoding: "base64", encodedSize: 1368 });
    expect(attachments(tree(multi("mixed", [plain, file])))).toEqual([
      {
        id: "att_2",
        filename: "a.pdf",
        contentType: "application/pdf",
        encodedSize: 1368,
        contentId: null,
        inline: false,
      },
    ]);
  });

  test.each([
    ["7bit", 100],
    ["8bit", 100],
    ["binary", 100],
    ["base64", undefined],
    ["quoted-printable", undefined],
    ["x-uuencode", undefined],
  ])("the decoded size of %s", (encoding, size) => {
    const [file] = attachments(leaf("image/png", { encoding, encodedSize: 100 }));
    expect(file?.size).toBe(size);
    expect(file && "size" in file).toBe(size !== undefined);
  });
});

test.each(["alternative", "related", "mixed"])("100,000 parts of multipart/%s take no time", (subtype) => {
  const texts = Array.from({ length: 50_000 }, (_, index) => leaf("text/plain", { contentId: `${index}@x` }));
  const pages = Array.from({ length: 50_000 }, () => leaf("text/html"));
  const root = tree(multi(subtype, [...texts, ...pages], { parameters: { start: "<none@x>" } }));
  const start = performance.now();
  bodyParts(root);
  expect(attachments(root).length).toBeLessThan(100_000);
  expect(performance.now() - start).toBeLessThan(1000);
});

describe("findPart", () => {
  const root = tree(multi("mixed", [plain, message(multi("alternative", [plain, html])), message(pdf)]));
  test.each([
    ["", "multipart/mixed"],
    ["1", "text/plain"],
    ["2", "message/rfc822"],
    ["2.2", "text/html"],
    ["3", "message/rfc822"],
    ["3.1", "application/pdf"],
  ])("%j is %s", (section, contentType) => expect(findPart(root, section)?.contentType).toBe(contentType));

  test.each(["0", "4", "1.1", "2.3", "01", "HEADER", "1.MIME"])("%j is nothing", (section) =>
    expect(findPart(root, section)).toBeNull(),
  );

  test("a tree as deep as servers go", () => {
    let deep = plain;
    for (let level = 0; level < 1000; level++) deep = multi("mixed", [deep]);
    const section = Array.from({ length: 1000 }, () => "1").join(".");
    expect(findPart(tree(deep), section)?.contentType).toBe("text/plain");
    expect(bodyParts(tree(deep)).text).toHaveLength(1);
  });
});
