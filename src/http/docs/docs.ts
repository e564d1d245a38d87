import type { Front } from "../env.ts";
export function docs(_app: Front, _script: (() => Promise<Uint8Array<ArrayBuffer>>) | null): void {}
