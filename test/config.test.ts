import { describe, expect, test } from "vitest";
import { ConfigError, helpText, readConfig, type Environment } from "../src/config.ts";

function complaint(environment: Environment): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("taken");
}

test("nothing set: what DESIGN §8 says", () => {
  expect(readConfig({ HOME: "/root", PATH: "/bin" })).toEqual({
    http: { host: "127.0.0.1", port: 3025, publicUrl: null, maxBody: 1_048_576 },
    store: { directory: "./data", databaseUrl: null },
    vault: { directory: "./data", secret: null, secretFile: null, previousSecret: null },
    keys: { adminKey: null },
    network: { allowNetworks: [], allowPorts: [], allowInsecure: false },
    log: { level: "info" },
    messages: { maxMessage: 52_428_800 },
    events: { days: 30 },
    watch: { window: 10_000 },
    leases: { seconds: 20 },
  });
});

test("an empty value counts as not set", () => {
  expect(readConfig({ POSTERN_ADMIN_KEY: "", POSTERN_PORT: "" })).toEqual(readConfig({}));
});

describe("values", () => {
  const sizes: [string, number][] = [
    ["1048576", 1_048_576],
    ["1 MiB", 1_048_576],
    ["512KiB", 524_288],
    ["2 mb", 2_000_000],
    ["4096 B", 4096],
  ];
  test.each(sizes)("size %s", (text, octets) => {
    expect(readConfig({ POSTERN_MAX_BODY: text }).http.maxBody).toBe(octets);
  });

  test.each([
    ["30", 30],
    ["45s", 45],
    ["2m", 120],
  ])("time %s", (text, seconds) => {
    expect(readConfig({ POSTERN_LEASE_SECONDS: text }).leases.seconds).toBe(seconds);
  });

  test("lists of networks and ports", () => {
    const { network } = readConfig({
      POSTERN_ALLOW_NETWORKS: "10.0.0.0/8, fd00::/8,127.0.0.1/32",
      POSTERN_ALLOW_PORTS: "2143, 3000-3010",
    });
    expect(network.allowNetworks).toEqual(["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"]);
    expect(network.allowPorts).toEqual([
      { from: 2143, to: 2143 },
      { from: 3000, to: 3010 },
    ]);
    expect(readConfig({ POSTERN_ALLOW_PORTS: "*" }).network.allowPorts).toBe("all");
  });

  test("the public URL loses its slash", () => {
    expect(readConfig({ POSTERN_PUBLIC_URL: "https://mail.example.org/" }).http.publicUrl).toBe(
      "https://mail.example.org",
    );
  });

  const wrong: [name: string, value: string][] = [
    ["POSTERN_PORT", "-1"],
    ["POSTERN_PORT", "65536"],
    ["POSTERN_PORT", "3025x"],
    ["POSTERN_PORT", "0x10"],
    ["POSTERN_MAX_BODY", "1 XiB"],
    ["POSTERN_MAX_BODY", "1 constructor"],
    ["POSTERN_MAX_BODY", "-1"],
    ["POSTERN_MAX_BODY", "1.5 MiB"],
    ["POSTERN_MAX_BODY", "10 GiB"],
    ["POSTERN_LEASE_SECONDS", "1"],
    ["POSTERN_LEASE_SECONDS", "20 parsecs"],
    ["POSTERN_ALLOW_NETWORKS", "127.1/8"],
    ["POSTERN_ALLOW_NETWORKS", "10.0.0.0/33"],
    ["POSTERN_ALLOW_NETWORKS", "10.0.0.0/8,nonsense"],
    ["POSTERN_ALLOW_PORTS", "0"],
    ["POSTERN_ALLOW_PORTS", "65536"],
    ["POSTERN_ALLOW_PORTS", "20-10"],
    ["POSTERN_ALLOW_INSECURE", "yes"],
    ["POSTERN_PUBLIC_URL", "mail.example.org"],
    ["POSTERN_PUBLIC_URL", "ftp://mail.example.org"],
    ["POSTERN_PUBLIC_URL", "https://user@mail.example.org"],
    ["POSTERN_DATABASE_URL", "mysql://x/y"],
    ["POSTERN_ADMIN_KEY", "short"],
    ["POSTERN_ADMIN_KEY", "with spaces in it 0123456789 0123456789"],
    ["POSTERN_SECRET", "short"],
    ["POSTERN_LOG_LEVEL", "verbose"],
    ["POSTERN_EVENT_DAYS", "0"],
  ];
  test.each(wrong)("%s=%s is refused by name", (name, value) => {
    expect(complaint({ [name]: value })).toMatch(new RegExp(`- ${name} must be `));
  });
});

test("everything that is wrong, in one message, without the values", () => {
  const message = complaint({
    POSTERN_PORT: "99999",
    POSTERN_SECRET: "canary-secret",
    POSTERN_ADMIN_KEY: "canary-admin",
    POSTERN_PROT: "3025",
    POSTERN_SOMETHING_QUITE_DIFFERENT: "1",
  });
  expect(message.match(/^ {2}- /gm)).toHaveLength(5);
  expect(message).toContain("POSTERN_PROT is not a variable of Postern; did you mean POSTERN_PORT?");
  expect(message).toMatch(/POSTERN_SOMETHING_QUITE_DIFFERENT is not a variable of Postern$/m);
  expect(message).not.toContain("canary");
});

test("two places for one secret", () => {
  expect(complaint({ POSTERN_SECRET: "x".repeat(32), POSTERN_SECRET_FILE: "/run/secret" })).toContain("are both set");
});

test("--help names every variable with its default, within the terminal's width", () => {
  const help = helpText(72);
  for (const name of [
    "POSTERN_HOST (127.0.0.1)",
    "POSTERN_PORT (3025)",
    "POSTERN_MAX_BODY (1 MiB)",
    "POSTERN_ADMIN_KEY (none)",
  ]) {
    expect(help).toContain(name);
  }
  expect(help.match(/^ {2}POSTERN_/gm)).toHaveLength(18);
  expect(help.split("\n").every((line) => line.length <= 72)).toBe(true);
});
