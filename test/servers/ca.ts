import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { run } from "./run.ts";

const day = 24 * 60 * 60 * 1000;

/** A certificate with its key, as PEM and as the files that servers read; `chainPath` holds both. */
export interface Certificate {
  cert: string;
  key: string;
  certPath: string;
  keyPath: string;
  chainPath: string;
}

export interface CertificateAuthority {
  /** What a client has to trust. */
  ca: string;
  caPath: string;
  /** For localhost, 127.0.0.1, ::1 and mail.postern.test. */
  valid: Certificate;
  /** The same names, ended yesterday. */
  expired: Certificate;
  /** For another host. */
  wrongName: Certificate;
  /** The right names, signed by nobody that a client trusts. */
  selfSigned: Certificate;
}

const ourNames = "DNS:localhost,DNS:mail.postern.test,IP:127.0.0.1,IP:::1";
const otherNames = "DNS:mail.elsewhere.test";

/** Makes a certificate authority and server certificates, good ones and bad ones, in a new directory. */
export async function makeCertificates(directory: string): Promise<CertificateAuthority> {
  mkdirSync(directory);
  writeFileSync(`${directory}/openssl.cnf`, configuration(directory));
  writeFileSync(`${directory}/index.txt`, "");
  await selfSign(directory, "ca", "authority", ourNames, ["-subj", "/CN=Postern test CA"]);
  const nextYear = new Date(Date.now() + 365 * day);
  const yesterday = new Date(Date.now() - day);
  // One after the other: openssl keeps the list of what it signed in a single file.
  const valid = await issue(directory, "valid", ourNames, nextYear);
  const expired = await issue(directory, "expired", ourNames, yesterday);
  const wrongName = await issue(directory, "wrong-name", otherNames, nextYear);
  await selfSign(directory, "self-signed", "server", ourNames);
  const { cert: ca, certPath: caPath } = read(directory, "ca");
  return { ca, caPath, valid, expired, wrongName, selfSigned: read(directory, "self-signed") };
}

async function selfSign(
  directory: string,
  name: string,
  extensions: string,
  names: string,
  more: string[] = [],
): Promise<void> {
  await openssl(directory, names, [
    "req",
    "-x509",
    ...newKey(name),
    "-out",
    `${name}.pem`,
    "-days",
    "365",
    "-extensions",
    extensions,
    ...more,
  ]);
}

async function issue(directory: string, name: string, names: string, ends: Date): Promise<Certificate> {
  await openssl(directory, names, ["req", ...newKey(name), "-out", `${name}.csr`]);
  const dates = ["-startdate", asn1Time(new Date(ends.getTime() - 400 * day)), "-enddate", asn1Time(ends)];
  // Unlike `openssl x509 -req`, `openssl ca` signs a certificate that ended in the past.
  await openssl(directory, names, ["ca", "-batch", "-notext", ...dates, "-in", `${name}.csr`, "-out", `${name}.pem`]);
  return read(directory, name);
}

async function openssl(directory: string, names: string, [command = "", ...args]: string[]): Promise<void> {
  await run("/usr/bin/openssl", [command, "-config", "openssl.cnf", ...args], {
    cwd: directory,
    env: { NAMES: names },
  });
}

function newKey(name: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
}

function read(directory: string, name: string): Certificate {
  const [certPath, keyPath, chainPath] = ["pem", "key", "chain.pem"].map((end) => `${directory}/${name}.${end}`) as [
    string,
    string,
    string,
  ];
  const [cert, key] = [readFileSync(certPath, "utf8"), readFileSync(keyPath, "utf8")];
  writeFileSync(chainPath, key + cert, { mode: 0o600 });
  return { cert, key, certPath, keyPath, chainPath };
}

/** YYYYMMDDHHMMSSZ */
function asn1Time(date: Date): string {
  return date
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
}

const configuration = (directory: string): string => `
[req]
distinguished_name = subject
prompt = no
[subject]
CN = Postern test server
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[server]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = $ENV::NAMES
[ca]
default_ca = signing
[signing]
certificate = ${directory}/ca.pem
private_key = ${directory}/ca.key
database = ${directory}/index.txt
new_certs_dir = ${directory}
default_md = sha256
policy = any
rand_serial = yes
unique_subject = no
x509_extensions = server
[any]
commonName = supplied
`;
