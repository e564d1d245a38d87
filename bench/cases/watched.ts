import type { Case } from "../frame/case.ts";
export const watched: Case = { name: "watched", run: async () => [] };
