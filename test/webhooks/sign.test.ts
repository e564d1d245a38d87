import { describe, expect, test } from "vitest";
import { Webhook } from "standardwebhooks";
import { mintSecret, readSecret } from "../../src/webhooks/secret.ts";
import { signatures } from "../../src/webhooks/sign.ts";

describe("a signature", () => {
  test("is that of the Standard Webhooks test vector", () => {
    const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const header = signatures([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}');
    expect(header).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  const timestamp = Math.floor(Date.now() / 1000);
  const body = '{"id":"evt_1","data":{"subject":"Grüße, 🔑"}}';
  const headers = (signature: string) => ({
    "webhook-id": "evt_1",
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signature,
  });

  test("is verified by a receiver's library, whichever of two secrets it has", () => {
    const [old, current] = [mintSecret(), mintSecret()];
    const signed = headers(signatures([current, old], "evt_1", timestamp, body));
    expect(signed["webhook-signature"].split(" ")).toHaveLength(2);
    for (const secret of [old, current]) expect(new Webhook(secret).verify(body, signed)).toEqual(JSON.parse(body));
    expect(() => new Webhook(mintSecret()).verify(body, signed)).toThrow("No matching signature");
  });

  test("covers the id, the time and the body", () => {
    const secret = mintSecret();
    const verifier = new Webhook(secret);
    const signed = headers(signatures([secret], "evt_1", timestamp, body));
    expect(() => verifier.verify(body.replace("Gr", "gr"), signed)).toThrow("No matching signature");
    expect(() => verifier.verify(body, { ...signed, "webhook-id": "evt_2" })).toThrow("No matching signature");
    expect(() => verifier.verify(body, { ...signed, "webhook-timestamp": String(timestamp - 1) })).toThrow(
      "No matching signature",
    );
  });

  test("is not made by what is no secret", () => {
    expect(() => signatures(["whsec_abc"], "evt_1", 1, "")).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

describe("a secret", () => {
  const ofLength = (octets: number) => `whsec_${Buffer.alloc(octets, 7).toString("base64")}`;

  test("is minted of 32 octets, each time others", () => {
    const minted = Array.from({ length: 20 }, mintSecret);
    expect(new Set(minted).size).toBe(20);
    for (const secret of minted) expect(readSecret(secret)).toHaveLength(32);
  });

  test("has 24 to 64 octets", () => {
    for (const octets of [24, 25, 26, 63, 64]) expect(readSecret(ofLength(octets))).toEqual(Buffer.alloc(octets, 7));
    for (const octets of [0, 16, 23, 65]) expect(readSecret(ofLength(octets))).toBeNull();
  });

  test.each([
    "",
    "whsec_",
    ofLength(32).slice("whsec_".length),
    ofLength(32).toUpperCase(),
    ofLength(32).replace("=", ""),
    `${ofLength(32)}\n`,
    ` ${ofLength(32)}`,
    `whsec_${"-_".repeat(16)}`,
    `whsec_${"é".repeat(32)}`,
    `whpk_${Buffer.alloc(32).toString("base64")}`,
  ])("is not %j", (text) => {
    expect(readSecret(text)).toBeNull();
  });
});
