import { expect, test } from "vitest";
import { maxKeptHeaderOctets } from "../../../src/mail/maildrop.ts";
import { factsOf, listedFields } from "../../../src/protocols/pop3/header-facts.ts";

const ids = (count: number, length = 60): string[] =>
  Array.from({ length: count }, (_, n) => `<${n}.${"x".repeat(length)}@x.test>`);
const block = (references: string): Buffer => Buffer.from(`${references}Subject: at the end\r\nX-Other: 1\r\n\r\nbody`);

test("References are kept of a header, as they stand", () => {
  const listed = listedFields(block("References: <a@x>\r\n\t<b@x>\r\nReferences: <c@x>\r\n"));
  expect(Buffer.from(listed.fields).toString()).toBe("Subject: at the end\r\nReferences: <a@x>\r\n\t<b@x>\r\n\r\n");
  expect(factsOf(listed).envelope.references).toEqual(["<a@x>", "<b@x>"]);
});

test("of endless ones the first and the last, so that the header can be kept and no other field is cut", () => {
  const many = ids(20_000);
  const listed = listedFields(block(`References: ${many.join("\r\n ")}\r\n`));
  expect(listed.isCut).toBe(false);
  expect(listed.fields.length).toBeLessThan(maxKeptHeaderOctets);
  const { envelope, warnings } = factsOf(listed);
  expect(envelope.subject).toBe("at the end");
  expect(warnings).toEqual([]);
  expect(envelope.references[0]).toBe(many[0]);
  const { length } = envelope.references;
  expect(length).toBeGreaterThan(80);
  expect(envelope.references.slice(10)).toEqual(many.slice(10 - length));
});

test("one that is itself too long is none", () => {
  const { envelope } = factsOf(listedFields(block(`References: ${ids(1, 20_000).join("")}\r\n`)));
  expect(envelope.references).toEqual([]);
});
