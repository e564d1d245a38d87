import { randomBytes } from "node:crypto";
import { link, open, readFile, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "../errors.ts";

const hasCode = (error: unknown, code: string) => error instanceof Error && "code" in error && error.code === code;

async function readSecret(path: string): Promise<string | null> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** Writes and syncs a file of its own name, then links it: `path` never holds half a secret, and is never overwritten. */
async function createSecret(path: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(`${randomBytes(32).toString("base64url")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    await unlink(draft);
  }
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * The sealing secret of a single machine, from a file (mode 0600) that the very first start makes.
 * Node only. The folder must be there. When two processes start at once, both get the secret that stands.
 * @param databaseExists whether there is a database already: then its secret must be there too, and a new one would only
 *   hide that it is lost. Fails with `internal`.
 */
export async function loadSecret(path: string, databaseExists: boolean): Promise<string> {
  let secret = await readSecret(path);
  if (secret === null) {
    if (databaseExists) {
      throw new Failure("internal", `There is a database, but its sealing secret ${path} is missing.`, {
        fix: `Restore ${path} from your backup, or set POSTERN_SECRET to what it held. Nothing was changed.`,
      });
    }
    await createSecret(path);
    secret = await readSecret(path);
  }
  if (secret === null || secret === "") {
    throw new Failure("internal", `The sealing secret ${path} is empty.`, {
      fix: `Restore ${path} from your backup, or delete it when there is no database yet.`,
    });
  }
  return secret;
}
