import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { MailProtocol, ServerAddress, Target, WebProtocol } from "../../src/mail/server.ts";
import { createGuard, type GuardOptions } from "../../src/net/guard.ts";

const names: Record<string, string[]> = {
  "mail.example.com": ["93.184.215.14"],
  "dual.example.com": ["2606:4700::1111", "93.184.215.14"],
  "rebound.example.com": ["93.184.215.14", "127.0.0.1"],
  "mapped.example.com": ["::ffff:10.0.0.1"],
  "nat64.example.com": ["64:ff9b::5db8:d70e"],
  "internal.example.com": ["10.1.2.3"],
  "nowhere.example.com": [],
  "strange.example.com": ["0x7f.1"],
  localhost: ["127.0.0.1"],
  "xn--bcher-kva.example": ["93.184.215.14"],
};

/** Nothing here asks a real resolver; what a libc would make of odd spellings is answered as it would. */
async function resolve(name: string): Promise<string[]> {
  const found = names[name];
  if (found === undefined) throw Object.assign(new Error("not found"), { code: "ENOTFOUND" });
  return found;
}

type Change = Partial<Omit<ServerAddress, "tls">> & { protocol?: Target["protocol"]; servername?: string };

function admit(change: Change, options: Partial<GuardOptions> = {}) {
  const { protocol = "imap", servername = null, ...server } = change;
  const guard = createGuard({
    resolve,
    allowNetworks: [],
    allowPorts: [],
    allowInsecure: false,
    pin: true,
    timeoutMs: 1000,
    ...options,
  });
  return guard.admit({
    protocol,
    server: { host: "mail.example.com", port: 993, security: "tls", ...server, tls: { ca: null, servername } },
  });
}

const refused = (pointer: string) => ({
  code: "address-not-allowed",
  details: { errors: [{ pointer, code: "address-not-allowed" }] },
});

describe("admits", () => {
  test("a public name, pinned to the address that was checked", async () => {
    expect(await admit({})).toEqual({ address: "93.184.215.14", port: 993, servername: "mail.example.com" });
    expect(await admit({ host: "MAIL.Example.COM" })).toMatchObject({ servername: "mail.example.com" });
    expect(await admit({ host: "dual.example.com" })).toMatchObject({ address: "2606:4700::1111" });
  });

  test("an internationalised name, as its A-labels", async () => {
    expect(await admit({ host: "bücher.example" })).toMatchObject({ servername: "xn--bcher-kva.example" });
  });

  test("a public IP literal, without a server name unless one is given", async () => {
    expect(await admit({ host: "93.184.215.14" })).toEqual({ address: "93.184.215.14", port: 993, servername: null });
    expect(await admit({ host: "[2606:4700::1111]" })).toMatchObject({ address: "2606:4700::1111", servername: null });
    expect(await admit({ host: "93.184.215.14", servername: "imap.example.com" })).toMatchObject({
      servername: "imap.example.com",
    });
  });

  test("a given server name instead of the host's", async () => {
    expect(await admit({ servername: "imap.example.com" })).toMatchObject({ servername: "imap.example.com" });
  });

  test("the name itself where the runtime can't pin, after the same checks", async () => {
    expect(await admit({}, { pin: false })).toMatchObject({ address: "mail.example.com" });
    await expect(admit({ host: "rebound.example.com" }, { pin: false })).rejects.toMatchObject(refused("/host"));
  });

  test("no TLS name of the account's own where the runtime verifies by the host", async () => {
    await expect(admit({ servername: "imap.example.com" }, { pin: false })).rejects.toMatchObject({
      code: "unsupported-by-runtime",
      details: { errors: [{ pointer: "/tls/servername", code: "unsupported-by-runtime" }] },
    });
  });

  test("the operator's networks, also by IPv4-mapped and NAT64 spelling", async () => {
    const allowNetworks = ["127.0.0.0/8", "10.0.0.0/8", "::1"];
    for (const host of ["127.0.0.1", "10.1.2.3", "::1", "localhost", "internal.example.com", "rebound.example.com"]) {
      await expect(admit({ host }, { allowNetworks })).resolves.toBeDefined();
    }
    expect(await admit({ host: "::ffff:127.0.0.1" }, { allowNetworks })).toMatchObject({ address: "127.0.0.1" });
    expect(await admit({ host: "64:ff9b::a01:203" }, { allowNetworks })).toMatchObject({ address: "64:ff9b::a01:203" });
    await expect(admit({ host: "192.168.0.1" }, { allowNetworks })).rejects.toMatchObject(refused("/host"));
    await expect(admit({ host: "fe80::1" }, { allowNetworks })).rejects.toMatchObject(refused("/host"));
  });

  test("a public address behind NAT64", async () => {
    expect(await admit({ host: "nat64.example.com" })).toMatchObject({ address: "64:ff9b::5db8:d70e" });
  });
});

describe("refuses a host", () => {
  test.each([
    ["empty", ""],
    ["a port in it", "mail.example.com:25"],
    ["a port in it, empty", "mail.example.com:"],
    ["an address with a port", "93.184.215.14:993"],
    ["a bracketed address with a port", "[2606:4700::1111]:993"],
    ["a user name", "user@mail.example.com"],
    ["a path", "mail.example.com/x"],
    ["a URL", "imaps://mail.example.com"],
    ["a space", "mail.example.com "],
    ["CR LF", "mail.example.com\r\nA1 LOGOUT"],
    ["NUL", "mail.example.com\0"],
    ["a percent-escape", "127%2e0.0.1"],
    ["a trailing dot", "mail.example.com."],
    ["an address with a trailing dot", "127.0.0.1."],
    ["a short form", "127.1"],
    ["hex and short", "0x7f.1"],
    ["one decimal", "2130706433"],
    ["one hex", "0x7f000001"],
    ["bare 0x", "0x"],
    ["octal", "0177.0.0.1"],
    ["leading zeros", "093.184.215.014"],
    ["circled digits", "①②⑦.⓪.⓪.①"],
    ["full-width digits", "１２７.0.0.1"],
    ["ideographic full stops", "127。0。0。1"],
    ["out of range", "256.1.1.1"],
    ["five numbers", "1.2.3.4.5"],
    ["mapped loopback", "[::ffff:7f00:1]"],
    ["mapped loopback, dotted", "::ffff:127.0.0.1"],
    ["NAT64 of loopback", "64:ff9b::7f00:1"],
    ["local NAT64", "64:ff9b:1::5db8:d70e"],
    ["compatible loopback", "::127.0.0.1"],
    ["translated loopback", "::ffff:0:7f00:1"],
    ["6to4 of loopback", "2002:7f00:1::"],
    ["Teredo", "2001:0:7f00:1::"],
    ["loopback", "::1"],
    ["any", "::"],
    ["any, IPv4", "0.0.0.0"],
    ["a zone", "fe80::1%eth0"],
    ["unique local", "fd00::1"],
    ["site local", "fec0::1"],
    ["multicast", "ff02::1"],
    ["documentation", "2001:db8::1"],
    ["private", "192.168.1.1"],
    ["link local, where clouds keep credentials", "169.254.169.254"],
    ["carrier-grade NAT", "100.64.0.1"],
    ["broadcast", "255.255.255.255"],
    ["multicast, IPv4", "224.0.0.1"],
    ["a name of loopback", "localhost"],
    ["a name with one bad address of two", "rebound.example.com"],
    ["a name with a mapped private address", "mapped.example.com"],
    ["a name with an odd answer", "strange.example.com"],
    ["an empty label", "mail..example.com"],
    ["a leading dot", ".example.com"],
    ["a label with a hyphen first", "-mail.example.com"],
    ["a long label", `${"a".repeat(64)}.example.com`],
    ["a long name", `${"a.".repeat(127)}example`],
    ["an emoji host that is no IDN", "xn--.example.com"],
  ])("%s", async (_, host) => {
    await expect(admit({ host })).rejects.toMatchObject(refused("/host"));
  });
});

describe("ports and security", () => {
  test("each protocol has its own ports", async () => {
    const usual: [MailProtocol, number][] = [
      ["imap", 993],
      ["imap", 143],
      ["pop3", 995],
      ["pop3", 110],
      ["smtp", 465],
      ["smtp", 587],
      ["smtp", 2525],
    ];
    for (const [protocol, port] of usual) await expect(admit({ protocol, port })).resolves.toMatchObject({ port });
  });

  test.each([
    ["smtp", 25],
    ["smtp", 993],
    ["imap", 22],
    ["imap", 0],
    ["imap", -1],
    ["imap", 65536],
    ["imap", 993.5],
    ["imap", Number.NaN],
    ["pop3", 143],
  ] as const)("%s does not go to port %d", async (protocol, port) => {
    await expect(admit({ protocol, port })).rejects.toMatchObject(refused("/port"));
  });

  test("the operator adds ports and ranges; none is outside 1 to 65535", async () => {
    const allowPorts = [
      { from: 25, to: 25 },
      { from: 3000, to: 3010 },
    ];
    for (const port of [25, 3000, 3010])
      await expect(admit({ protocol: "smtp", port }, { allowPorts })).resolves.toBeDefined();
    for (const port of [26, 2999, 3011])
      await expect(admit({ port }, { allowPorts })).rejects.toMatchObject(refused("/port"));
    await expect(admit({ port: 40_000 }, { allowPorts: "all" })).resolves.toBeDefined();
    await expect(admit({ port: 0 }, { allowPorts: "all" })).rejects.toMatchObject(refused("/port"));
  });

  test("no TLS only where allowed, and never to a public host", async () => {
    const none = { security: "none", port: 143 } as const;
    const allowNetworks = ["10.0.0.0/8"];
    await expect(admit(none)).rejects.toMatchObject(refused("/security"));
    await expect(admit(none, { allowInsecure: true })).rejects.toMatchObject(refused("/security"));
    await expect(admit({ ...none, host: "10.0.0.1" }, { allowNetworks })).rejects.toMatchObject(refused("/security"));
    await expect(admit({ ...none, host: "10.0.0.1" }, { allowNetworks, allowInsecure: true })).resolves.toBeDefined();
  });

  test.each(["mail.example.com\r\n", "", "127.0.0.1", "a b"])("a server name %j is refused", async (servername) => {
    await expect(admit({ servername })).rejects.toMatchObject(refused("/tls/servername"));
  });

  test("a bad option is the operator's, at start", () => {
    const options = { resolve, allowPorts: [], allowInsecure: false, pin: true, timeoutMs: 1 };
    for (const text of ["10.0.0.0/33", "10.0.0/8", "x", "::/129", "10.0.0.0/8/8", "10.0.0.0/"]) {
      expect(() => createGuard({ ...options, allowNetworks: [text] })).toThrow(TypeError);
    }
  });
});

describe("webhooks", () => {
  const web = (protocol: WebProtocol, port: number, host = "mail.example.com"): Change => ({
    protocol,
    port,
    host,
    security: protocol === "https" ? "tls" : "none",
  });
  const allowNetworks = ["10.0.0.0/8"];

  test("https goes to the public, on its ports and the operator's", async () => {
    expect(await admit(web("https", 443))).toEqual({
      address: "93.184.215.14",
      port: 443,
      servername: "mail.example.com",
    });
    await expect(admit(web("https", 8443))).resolves.toBeDefined();
    for (const port of [80, 25, 993, 9000])
      await expect(admit(web("https", port))).rejects.toMatchObject(refused("/url"));
    await expect(admit(web("https", 9000), { allowPorts: "all" })).resolves.toBeDefined();
    await expect(admit(web("https", 443, "internal.example.com"), { allowNetworks })).resolves.toBeDefined();
  });

  test("mail does not go to their ports", async () => {
    for (const port of [443, 8443, 80]) await expect(admit({ port })).rejects.toMatchObject(refused("/port"));
  });

  test("http goes only where every address is in the operator's networks", async () => {
    const options = { allowNetworks, allowPorts: [{ from: 9000, to: 9000 }] };
    expect(await admit(web("http", 80, "internal.example.com"), options)).toMatchObject({ address: "10.1.2.3" });
    await expect(admit(web("http", 9000, "10.0.0.1"), options)).resolves.toBeDefined();
    for (const host of ["mail.example.com", "93.184.215.14", "rebound.example.com", "localhost"])
      await expect(admit(web("http", 80, host), options)).rejects.toMatchObject(refused("/url"));
    await expect(admit(web("http", 443, "10.0.0.1"), options)).rejects.toMatchObject(refused("/url"));
  });

  test("what mail may do in clear has nothing to do with it", async () => {
    await expect(admit(web("http", 80), { allowInsecure: true })).rejects.toMatchObject(refused("/url"));
    const options = { allowInsecure: true, allowNetworks };
    await expect(admit(web("http", 80), options)).rejects.toMatchObject(refused("/url"));
    await expect(admit(web("http", 80, "10.0.0.1"), { allowInsecure: false, allowNetworks })).resolves.toBeDefined();
  });

  test("a host is refused as for mail, with the pointer of the URL", async () => {
    for (const host of [
      "127.1",
      "0x7f.1",
      "2130706433",
      "[::ffff:7f00:1]",
      "rebound.example.com",
      "strange.example.com",
    ])
      await expect(admit(web("https", 443, host))).rejects.toMatchObject(refused("/url"));
  });

  test("a name that is not there is no mail server's", async () => {
    const failure: unknown = await admit(web("https", 443, "missing.example.com")).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "dns-not-found", message: "The name missing.example.com has no address." });
    expect(failure).not.toHaveProperty("details.upstream");
  });
});

describe("resolving", () => {
  const failing = (code: string) => async (): Promise<string[]> => {
    throw Object.assign(new Error(code), { code });
  };

  test("a name that is not there", async () => {
    await expect(admit({ host: "missing.example.com" })).rejects.toMatchObject({
      code: "dns-not-found",
      details: { upstream: { protocol: "imap", phase: "resolve", host: "missing.example.com" } },
    });
    await expect(admit({ host: "nowhere.example.com" })).rejects.toMatchObject({ code: "dns-not-found" });
    await expect(admit({}, { resolve: failing("ENODATA") })).rejects.toMatchObject({ code: "dns-not-found" });
  });

  test("a resolver that fails may work later", async () => {
    const failure = await admit({}, { resolve: failing("EAI_AGAIN") }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ code: "upstream-unreachable", retryable: true });
  });

  test("a silent resolver is given up in time", async () => {
    const started = Date.now();
    await expect(admit({}, { resolve: () => new Promise(() => {}), timeoutMs: 30 })).rejects.toMatchObject({
      code: "upstream-timeout",
    });
    expect(Date.now() - started).toBeLessThan(1000);
  });

  test("a name is asked for once", async () => {
    const asked: string[] = [];
    await admit(
      {},
      {
        resolve: async (name) => {
          asked.push(name);
          return ["93.184.215.14"];
        },
      },
    );
    expect(asked).toEqual(["mail.example.com"]);
  });
});
