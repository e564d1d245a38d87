import { describe, expect, test } from "vitest";
import { createGuard, type GuardOptions } from "../../src/net/guard.ts";
import { checkUrl } from "../../src/webhooks/check-url.ts";

function check(text: string, options: Partial<GuardOptions> = {}): URL {
  const guard = createGuard({
    resolve: () => Promise.reject(new Error("asked for a name")),
    allowNetworks: [],
    allowPorts: [],
    allowInsecure: false,
    pin: true,
    timeoutMs: 1000,
    ...options,
  });
  return checkUrl(guard, text);
}

const refused = (code: string) =>
  expect.objectContaining({
    code,
    details: expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/url" })] }),
  });

describe("takes", () => {
  test.each([
    ["https://example.org/hook", "https://example.org/hook"],
    ["https://example.org", "https://example.org/"],
    ["HTTPS://Example.ORG/Hook?a=b&c", "https://example.org/Hook?a=b&c"],
    ["https://example.org:443/", "https://example.org/"],
    ["https://example.org:/", "https://example.org/"],
    ["https://[2606:4700::1111]:/", "https://[2606:4700::1111]/"],
    ["https://example.org:8443/hook", "https://example.org:8443/hook"],
    ["https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"],
    ["https://93.184.215.14/hook", "https://93.184.215.14/hook"],
    ["https://[2606:4700::1111]/hook", "https://[2606:4700::1111]/hook"],
    ["https://example.org/?to=a@example.org", "https://example.org/?to=a@example.org"],
  ])("%s", (text, href) => {
    expect(check(text).href).toBe(href);
  });

  test("ports that the operator adds", () => {
    expect(check("https://example.org:9000/", { allowPorts: [{ from: 9000, to: 9001 }] }).port).toBe("9000");
    expect(check("https://example.org:22/", { allowPorts: "all" }).port).toBe("22");
  });

  test("http where there are networks that the operator allows", () => {
    const options = { allowNetworks: ["10.0.0.0/8", "::1"] };
    expect(check("http://10.1.2.3/hook", options).href).toBe("http://10.1.2.3/hook");
    expect(check("http://[::1]/hook", options).href).toBe("http://[::1]/hook");
    // What the name resolves to is looked at before each connection.
    expect(check("http://hooks.internal/hook", options).href).toBe("http://hooks.internal/hook");
    expect(check("http://10.1.2.3:9000/", { ...options, allowPorts: "all" }).port).toBe("9000");
  });

  test("2,048 characters", () => {
    const text = `https://example.org/${"x".repeat(2_028)}`;
    expect(check(text).href).toBe(text);
  });
});

describe("refuses as not valid", () => {
  test.each([
    "",
    "example.org/hook",
    "//example.org/hook",
    "/hook",
    "https:",
    "https://",
    "https:example.org",
    "https:/example.org",
    "https:\\\\example.org\\hook",
    "https://example.org\\@127.0.0.1/",
    " https://example.org/",
    "https://example.org/\r\nHost: x",
    "https://exam\tple.org/",
    "https://example.org/a b",
    "https://example.org/\u0000",
    "https://example.org:99999/",
    "https://exa mple.org/",
    "https://093.184.215.014/",
    "https://[::1/",
    "ftp://example.org/hook",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:text/plain,x",
    "wss://example.org/",
    "https://user@example.org/",
    "https://user:password@example.org/",
    "https://@example.org/",
    "https://:@example.org/",
    "https://example.org/#part",
    "https://example.org/#",
    `https://example.org/${"x".repeat(2_029)}`,
    `https://example.org/${"ü".repeat(1_000)}`,
  ])("%j", (text) => {
    expect(() => check(text)).toThrow(refused("validation-failed"));
  });
});

describe("refuses as not allowed", () => {
  const hosts = ["127.1", "0x7f.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1", "127.0.0.1."]
    .concat(["①②⑦.⓪.⓪.①", "127。0。0。1", "%31%32%37.0.0.1", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[::]", "[::1]"])
    .concat([
      "0.0.0.0",
      "10.1.2.3",
      "192.168.1.1",
      "169.254.169.254",
      "100.64.0.1",
      "[fd00::1]",
      "[fe80::1]",
      "[2002:7f00:1::]",
    ])
    .concat(["example.org.", "a..b", "-a.example"]);

  test.each(hosts)("%s", (host) => {
    expect(() => check(`https://${host}/hook`)).toThrow(refused("address-not-allowed"));
  });

  test.each(["127.1", "0x7f.1", "2130706433", "①②⑦.⓪.⓪.①", "127.0.0.1."])(
    "odd spellings of an allowed address: %s",
    (host) => {
      const options = { allowNetworks: ["127.0.0.0/8"] };
      expect(check("http://127.0.0.1/", options).hostname).toBe("127.0.0.1");
      expect(() => check(`http://${host}/`, options)).toThrow(refused("address-not-allowed"));
      expect(() => check(`https://${host}:8443/`, options)).toThrow(refused("address-not-allowed"));
    },
  );

  test.each([
    "https://example.org:80/",
    "https://example.org:25/",
    "https://example.org:0/",
    "https://example.org:9000/",
  ])("a port: %s", (text) => {
    expect(() => check(text)).toThrow(refused("address-not-allowed"));
  });

  test("http, where nothing is allowed, to the public, and by POSTERN_ALLOW_INSECURE alone", () => {
    expect(() => check("http://example.org/")).toThrow(refused("address-not-allowed"));
    expect(() => check("http://example.org/", { allowInsecure: true })).toThrow(refused("address-not-allowed"));
    const options = { allowNetworks: ["10.0.0.0/8"], allowInsecure: true };
    expect(() => check("http://93.184.215.14/", options)).toThrow(
      "http goes only into networks that the operator allows",
    );
    expect(() => check("http://10.1.2.3:443/", options)).toThrow(refused("address-not-allowed"));
  });
});
