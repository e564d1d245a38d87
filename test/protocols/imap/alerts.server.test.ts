import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openImap } from "../../../src/protocols/imap/open-imap.ts";
import { type CertificateAuthority, makeCertificates } from "../../servers/ca.ts";
import { makeScratch, removeScratch } from "../../servers/scratch.ts";
import { startDialog } from "./dialog.ts";

let scratch: string;
let certificates: CertificateAuthority;
beforeAll(async () => {
  scratch = makeScratch();
  certificates = await makeCertificates(`${scratch}/certificates`);
});
afterAll(() => removeScratch(scratch));

/** Goes on over TLS; every command gets an alert and an OK. */
function secure(socket: Socket): void {
  socket.removeAllListeners("data");
  const over = new TLSSocket(socket, { isServer: true, cert: certificates.valid.cert, key: certificates.valid.key });
  over.on("error", () => {});
  over.on("data", (lines: Buffer) => {
    for (const [, tag = "", name = ""] of lines.toString("latin1").matchAll(/^(\S+) (\S+).*\r\n/gm)) {
      const told = name === "CAPABILITY" ? "* CAPABILITY IMAP4rev1\r\n" : "";
      over.write(`${told}${tag} OK [ALERT] over TLS: ${name}\r\n`);
    }
  });
}

test("what comes over STARTTLS is an alert, what came before is none", async () => {
  const { how } = await startDialog({
    greeting: "* OK [ALERT] call this number\r\n",
    capability: "IMAP4rev1 STARTTLS",
    script: (command, tag, socket) => {
      if (command !== "STARTTLS") return undefined;
      socket.write(`* OK [ALERT] call this one, too\r\n${tag} OK go\r\n`);
      secure(socket);
      return "";
    },
  });
  const login = { ...how.login, security: "starttls" as const, tls: { ca: certificates.ca, servername: null } };
  const mailbox = await openImap({ ...how, login });
  const alerts = mailbox.alerts();
  await mailbox.close();
  expect(alerts).toContain("over TLS: LOGIN");
  expect(alerts.filter((text) => text.startsWith("call"))).toEqual([]);
});
