import { describe, expect, test } from "vitest";
import { z } from "zod";
import { Failure } from "../../src/errors.ts";
import { accepts } from "../../src/http/accept.ts";
import { attachmentDisposition } from "../../src/http/content-disposition.ts";
import { matches, passes, tagOf } from "../../src/http/etag.ts";
import { createLog } from "../../src/http/log.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { parseRange } from "../../src/http/range.ts";
import { timestampInput } from "../../src/http/schemas.ts";
import { resolveRange } from "../../src/mail/range.ts";
import { isWellFormedKey, mintKey } from "../../src/operations/api-key.ts";
import { decodeCursor, encodeCursor } from "../../src/operations/cursor.ts";

describe("Range (RFC 9110 §14)", () => {
  const cases: [header: string | undefined, size: number, range: { start: number; end: number } | undefined][] = [
    ["bytes=0-0", 10, { start: 0, end: 0 }],
    ["bytes=2-5", 10, { start: 2, end: 5 }],
    ["bytes=5-", 10, { start: 5, end: 9 }],
    ["bytes=5-100", 10, { start: 5, end: 9 }],
    ["bytes=-3", 10, { start: 7, end: 9 }],
    ["bytes=-30", 10, { start: 0, end: 9 }],
    ["BYTES=0-1", 10, { start: 0, end: 1 }],
    [undefined, 10, undefined],
    ["", 10, undefined],
    ["bytes=", 10, undefined],
    ["bytes=-", 10, undefined],
    ["bytes=5-2", 10, undefined],
    ["bytes=0-1,4-5", 10, undefined],
    ["lines=1-2", 10, undefined],
    ["bytes=a-b", 10, undefined],
    ["bytes=0x1-2", 10, undefined],
  ];
  test.each(cases)("%s of %i", (header, size, range) => {
    const asked = parseRange(header);
    expect(asked && resolveRange(asked, size)).toEqual(range);
  });

  test.each([
    ["bytes=10-", 10],
    ["bytes=999999-", 10],
    ["bytes=-0", 10],
    ["bytes=0-", 0],
    ["bytes=-5", 0],
  ])("%s of %i lies outside", (header, size) => {
    const asked = parseRange(header) ?? { suffix: 1 };
    expect(() => resolveRange(asked, size)).toThrow(expect.objectContaining({ code: "range-not-satisfiable" }));
  });
});

describe("Content-Disposition", () => {
  const cases: [name: string | null, header: string][] = [
    ["report.pdf", 'attachment; filename="report.pdf"'],
    [null, 'attachment; filename="attachment"'],
    ["", 'attachment; filename="attachment"'],
    ["..", 'attachment; filename="attachment"'],
    ["../../etc/passwd", 'attachment; filename="_.._etc_passwd"'],
    ["C:\\boot.ini", 'attachment; filename="C__boot.ini"'],
    ['a"; x="b.txt', 'attachment; filename="a_; x=_b.txt"'],
    ["a\r\nSet-Cookie: x=1.txt", 'attachment; filename="aSet-Cookie_ x=1.txt"'],
    ["Rechnung März.pdf", "attachment; filename=\"Rechnung M_rz.pdf\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf"],
    ["100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"],
    ["évil\u202egpj.exe", "attachment; filename=\"_vilgpj.exe\"; filename*=UTF-8''%C3%A9vilgpj.exe"],
    ["a'b(c).txt", 'attachment; filename="a\'b(c).txt"'],
  ];
  test.each(cases)("%j", (name, header) => {
    expect(attachmentDisposition(name)).toBe(header);
  });

  test("anything at all is a header that is taken", () => {
    for (const name of ["\ud800", "😀".repeat(500), "\0\u0001\u007f", "x".repeat(10_000) + ".tar"]) {
      const header = attachmentDisposition(name);
      expect(new Headers({ "Content-Disposition": header }).get("content-disposition")).toBe(header);
      expect(header.length).toBeLessThan(3000);
    }
    expect(attachmentDisposition(`${"x".repeat(10_000)}.tar`)).toMatch(/x\.tar"$/);
  });
});

describe("Accept", () => {
  const json = ["application/json"];
  test.each([
    ["*/*", true],
    ["application/*", true],
    ["application/json", true],
    ["Application/JSON; charset=utf-8", true],
    ["text/html, */*;q=0.1", true],
    ["text/html", false],
    ["application/json;q=0", false],
    ["application/json;q=0, */*", false],
    ["*/*;q=0", false],
    ["nonsense", true],
    ["", true],
  ])("%s", (header, fits) => {
    expect(accepts(header, json)).toBe(fits);
  });
});

test("If-None-Match", () => {
  expect(matches(undefined, '"a"')).toBe(false);
  expect(matches('"b", W/"a"', '"a"')).toBe(true);
  expect(matches("*", '"a"')).toBe(true);
  expect(matches('"b"', '"a"')).toBe(false);
});

test("If-Match", () => {
  expect(passes(undefined, '"a"')).toBe(true);
  expect(passes('"b", "a"', '"a"')).toBe(true);
  expect(passes("*", '"a"')).toBe(true);
  for (const other of ['"b"', 'W/"a"', "", "a"]) expect(passes(other, '"a"')).toBe(false);
});

test("tags of content that never changes", () => {
  expect(tagOf("msg_1", "raw")).toBe(tagOf("msg_1", "raw"));
  expect(tagOf("msg_1", "raw")).toMatch(/^"[\w-]{27}"$/);
  expect(new Set([tagOf("a", "bc"), tagOf("ab", "c"), tagOf("abc"), tagOf("a", "b", "c")]).size).toBe(4);
});

describe("times of callers", () => {
  test.each(["2026-11-22T09:30:00Z", "2026-11-22T09:30:00.123456+05:30", "2024-02-29T23:59:59-12:00"])("%s", (text) => {
    expect(timestampInput.safeParse(text).success).toBe(true);
  });
  test.each([
    "",
    "yesterday",
    "2026-11-22",
    "2026-11-22T09:30:00",
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-11-22T25:00:00Z",
    "2026-11-22 09:30:00Z",
    "1763803800",
  ])("%s is none", (text) => {
    expect(timestampInput.safeParse(text).success).toBe(false);
  });
});

describe("cursors", () => {
  const key = new Uint8Array(32).fill(1);
  const position = z.object({ last: z.string(), uidValidity: z.number() });
  const filter = ["messages", "acc_1", { unseen: true }];
  const sealed = encodeCursor(key, filter, { last: "x", uidValidity: 7 });

  test("come back as they went in", () => {
    expect(decodeCursor(key, filter, sealed, position)).toEqual({ last: "x", uidValidity: 7 });
    expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  const flipped = `${sealed.slice(0, -2)}${sealed.at(-2) === "A" ? "B" : "A"}${sealed.at(-1) ?? ""}`;
  test.each(["", "a", "garbage", "!!!!", `${sealed}A`, sealed.slice(0, 40), flipped, `${sealed}=`])(
    "%s is refused",
    (text) => {
      expect(() => decodeCursor(key, filter, text, position)).toThrow(
        expect.objectContaining({ code: "invalid-cursor" }),
      );
    },
  );

  test("of another list, account, filter or server are refused", () => {
    for (const other of [
      ["folders", "acc_1", { unseen: true }],
      ["messages", "acc_2", { unseen: true }],
      ["messages", "acc_1", {}],
    ]) {
      expect(() => decodeCursor(key, other, sealed, position)).toThrow(Failure);
    }
    expect(() => decodeCursor(new Uint8Array(32), filter, sealed, position)).toThrow(Failure);
    expect(() => decodeCursor(key, filter, sealed, z.number())).toThrow(Failure);
  });
});

describe("keys", () => {
  test("have one form, a checksum, and are never the same", () => {
    const keys = Array.from({ length: 200 }, mintKey);
    expect(new Set(keys).size).toBe(200);
    for (const key of keys) {
      expect(key).toMatch(/^pst_[0-9A-Za-z]{49}$/);
      expect(isWellFormedKey(key)).toBe(true);
    }
  });

  test("with one character changed anywhere are no keys", () => {
    const key = mintKey();
    for (let at = 0; at < key.length; at += 1) {
      const changed = `${key.slice(0, at)}${key[at] === "a" ? "b" : "a"}${key.slice(at + 1)}`;
      expect(isWellFormedKey(changed)).toBe(false);
    }
  });
});

describe("the log", () => {
  function logged(fields: Record<string, unknown>, pretty = false): string {
    const lines: string[] = [];
    const clock = { now: () => Date.UTC(2026, 10, 22), sleep: () => Promise.resolve() };
    createLog({ level: "info", write: (line) => void lines.push(line), clock, pretty }).write("info", "test", fields);
    return lines.join("");
  }

  test("leaves secrets out at every depth, however they are spelled", () => {
    const line = logged({
      password: "canary",
      a: { apiKey: "canary", b: [{ "api-key": "canary", Authorization: "canary", keyId: "key_1" }] },
      map: new Map([["newPassword", "canary"]]),
      auth: { username: "canary" },
      sealedKey: "canary",
      POSTERN_SECRET: "canary",
      subject: "canary",
      bytes: new TextEncoder().encode("canary"),
      error: new Error("canary"),
    });
    expect(line).not.toContain("canary");
    expect(JSON.parse(line)).toMatchObject({
      a: { b: [{ keyId: "key_1" }] },
      event: "test",
      time: "2026-11-22T00:00:00.000Z",
    });
  });

  test("is one line, whatever is in it, also where a person reads it", () => {
    const circle: Record<string, unknown> = { big: 1n, text: "a\nb\u001b[2J" };
    circle["self"] = circle;
    for (const pretty of [false, true]) {
      const line = logged(circle, pretty);
      expect(line.match(/\n/g)).toHaveLength(1);
      expect(line).not.toContain("\u001b[2J");
    }
  });

  test("says nothing below its level", () => {
    const lines: string[] = [];
    const clock = { now: () => 0, sleep: () => Promise.resolve() };
    const log = createLog({ level: "warn", write: (line) => void lines.push(line), clock, pretty: false });
    log.write("info", "a");
    log.write("error", "b");
    expect(lines).toHaveLength(1);
  });
});

test("metrics in Prometheus' text format", () => {
  const metrics = createMetrics();
  metrics.count("things_total", { kind: 'a"b\\c\nd' });
  metrics.count("things_total", { kind: "x" }, 2);
  metrics.gauge("level", 5);
  metrics.gauge("level", 3);
  metrics.observe("work_duration_seconds", 0.003, { op: "x" });
  metrics.observe("work_duration_seconds", 1000, { op: "x" });
  const text = metrics.text();
  expect(text).toContain(
    '# TYPE things_total counter\nthings_total{kind="a\\"b\\\\c\\nd"} 1\nthings_total{kind="x"} 2\n',
  );
  expect(text).toContain("# TYPE level gauge\nlevel 3\n");
  expect(text).toContain('work_duration_seconds_bucket{op="x",le="0.0025"} 0\n');
  expect(text).toContain('work_duration_seconds_bucket{op="x",le="0.005"} 1\n');
  expect(text).toContain('work_duration_seconds_bucket{op="x",le="60"} 1\n');
  expect(text).toContain('work_duration_seconds_bucket{op="x",le="+Inf"} 2\n');
  expect(text).toContain('work_duration_seconds_sum{op="x"} 1000.003\nwork_duration_seconds_count{op="x"} 2\n');
});
