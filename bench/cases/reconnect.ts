import type { Case } from "../frame/case.ts";
export const reconnect: Case = { name: "reconnect", run: async () => [] };
