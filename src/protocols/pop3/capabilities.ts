import type { Dialog } from "./dialog.ts";

/** What CAPA told (RFC 2449 §5). Nothing of it may be believed once TLS has begun: then it is asked again (RFC 2595 §4). */
export type Capabilities = {
  /** False where the server knows no CAPA: then what it can do shows when it is tried. */
  told: boolean;
  has(capability: string, argument?: string): boolean;
  /** Seconds that must lie between two logins (RFC 2449 §6.5); null when the server does not say. */
  readonly loginDelay: number | null;
};

export const untold: Capabilities = capabilitiesOf(null);

/** CAPA; what was known before where the server does not take the command. */
export async function askCapabilities(dialog: Dialog, before: Capabilities): Promise<Capabilities> {
  const status = await dialog.ask("CAPA", "CAPA");
  if (!status.ok) return before;
  const lines: string[] = [];
  await dialog.listing((line) => lines.push(line));
  return capabilitiesOf(lines);
}

function capabilitiesOf(lines: string[] | null): Capabilities {
  const known = new Map<string, string[]>();
  for (const line of lines ?? []) {
    const [name = "", ...args] = line.toUpperCase().split(/\s+/).filter(Boolean);
    if (name !== "") known.set(name, [...(known.get(name) ?? []), ...args]);
  }
  const [delay = ""] = known.get("LOGIN-DELAY") ?? [];
  return {
    told: lines !== null,
    has: (capability, argument) => {
      const args = known.get(capability);
      return args !== undefined && (argument === undefined || args.includes(argument));
    },
    loginDelay: /^\d{1,9}$/.test(delay) ? Number(delay) : null,
  };
}
