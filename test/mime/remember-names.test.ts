import MimeNode from "nodemailer/lib/mime-node";
import { expect, test } from "vitest";
import "../../src/mime/build-message.ts";
import { rememberNames } from "../../src/mime/remember-names.ts";

test("a name is spelled once, and as it was", () => {
  const asked: unknown[] = [];
  const nodes = {
    _normalizeHeaderKey: (name: unknown) => {
      asked.push(name);
      return `<${String(name)}>`;
    },
  };
  rememberNames(nodes);
  expect(["to", "from", "to", null, null].map((name) => nodes._normalizeHeaderKey(name))).toEqual(
    ["to", "from", "to", null, null].map((name) => `<${name}>`),
  );
  expect(asked).toEqual(["to", "from", null, null]);
});

test("not more are remembered than a caller's own names should take up", () => {
  let asked = 0;
  const nodes = { _normalizeHeaderKey: (name: unknown) => `${String(name)} ${(asked += 1)}` };
  rememberNames(nodes);
  for (let n = 0; n < 2_000; n++) nodes._normalizeHeaderKey(`x-${n}`);
  expect(nodes._normalizeHeaderKey("x-999")).toBe("x-999 1000");
  expect(nodes._normalizeHeaderKey("x-1000")).toBe("x-1000 2001");
});

test("nodemailer's nodes still have the method, and spell as they do", () => {
  expect(MimeNode.prototype).toHaveProperty("_normalizeHeaderKey");
  const spelled = () =>
    new MimeNode("text/plain").setHeader("x-my-ID", "1").addHeader("mime-version", "1.0").buildHeaders();
  expect(spelled()).toContain("X-My-ID: 1\r\n");
  expect(spelled()).toContain("MIME-Version: 1.0\r\n");
});
