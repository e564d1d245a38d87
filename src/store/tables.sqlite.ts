import * as schema from "./schema.sqlite.ts";
import * as watching from "./watching.sqlite.ts";

/** All tables as SQLite and D1 hold them. */
export const sqliteTables = { ...schema, ...watching };
