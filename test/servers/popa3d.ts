import { appendFileSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";

import { behindInetd } from "./behind-inetd.ts";
import { startDaemon } from "./daemon.ts";
import { mailOwner } from "./dovecot-config.ts";
import { commonPassword, freshUser, type User } from "./mailboxes.ts";
import { appendToMbox, makeMbox, mboxMessage, ownerOf } from "./mbox.ts";
import { madeMbox, type Pop3d } from "./pop3d.ts";
import { freePort, loopback } from "./ports.ts";
import { unpack } from "./provision.ts";
import { run } from "./run.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

/** Why popa3d can't run here; null where it can. Some containers allow nobody a mount namespace. */
export async function whyNoPopa3d(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "it needs root";
  return run("/usr/bin/unshare", ["--mount", "--propagation", "private", "/bin/true"]).then(
    () => null,
    () => "this machine allows no mount namespace",
  );
}

/**
 * Starts popa3d on a loopback port: RFC 1939 and no more, so without CAPA, STLS, SASL, PIPELINING and response codes; its
 * UIDL is a hash of the header, so equal messages have the same one. It locks a maildrop for moments only.
 *
 * It knows system users, by PAM, and their mail in /var/mail, and wants an inetd. It is given them in a mount namespace of its
 * own, in which its files stand in place of the machine's; nobody else sees that, and it ends with its processes. Debian's package
 * can't be installed beside dovecot-pop3d, so it is only unpacked.
 */
export async function startPopa3d(): Promise<Pop3d> {
  const why = await whyNoPopa3d();
  if (why !== null) throw new Error(`popa3d can't run as a test server: ${why}`);
  const files = await unpack("popa3d");
  const directory = makeScratch();
  const port = await freePort();
  const hash = (await run("/usr/bin/openssl", ["passwd", "-5", commonPassword])).trim();
  const [owner, nobody] = await Promise.all([ownerOf(mailOwner), ownerOf("nobody")]);

  const own = (name: string): string => `${directory}/${name}`;
  for (const name of ["mail", "lib", "lib/popa3d", "pam.d"]) mkdirSync(own(name));
  writeFileSync(own("pam.d/popa3d"), "auth required pam_unix.so nodelay\naccount required pam_unix.so\n");
  writeFileSync(own("passwd"), "");
  writeFileSync(own("shadow"), "", { mode: 0o600 });
  const addUser = (name: string, password: string, { uid, gid }: typeof owner): void => {
    appendFileSync(own("shadow"), `${name}:${password}:20000::::::\n`);
    appendFileSync(own("passwd"), `${name}:x:${uid}:${gid}::/:/bin/false\n`);
  };
  addUser("root", "*", { uid: 0, gid: 0 });
  addUser("popa3d", "*", nobody); // reads commands until the login
  const maildrop = ({ username }: User): string => own(`mail/${username}`);
  const add = async (user: User, text: Buffer): Promise<void> => {
    await appendToMbox(maildrop(user), owner, text);
    // popa3d lets a login wait until the second is over in which the file was changed last.
    const before = Date.now() / 1000 - 2;
    utimesSync(maildrop(user), before, before);
  };

  const instead: [string, string][] = [
    ["mail", "/var/mail"],
    ["lib", "/var/lib"], // it looks into /var/lib/popa3d, which only an installed package has
    ["pam.d", "/etc/pam.d"],
    ["passwd", "/etc/passwd"],
    ["shadow", "/etc/shadow"],
  ];
  const mounts = instead.map(([name, place]) => `mount --bind ${own(name)} ${place}`);
  const listener = behindInetd(port, `${files}/usr/sbin/popa3d`);
  const daemon = await startDaemon({
    command: "/usr/bin/unshare",
    args: [
      "--mount",
      "--propagation",
      "private",
      "/bin/sh",
      "-c",
      `${mounts.join(" && ")} && exec "$@"`,
      "sh",
      ...listener,
    ],
    directory,
    ports: [port],
  });
  return {
    host: loopback,
    port,
    user() {
      const user = freshUser();
      addUser(user.username, hash, owner);
      makeMbox(maildrop(user), owner);
      return user;
    },
    deliver: (user, raw) => add(user, mboxMessage(Buffer.from(raw), new Date())),
    fill: (user, count) => add(user, madeMbox(count)),
    async stop() {
      await daemon.killAll();
      removeScratch(directory);
    },
  };
}
