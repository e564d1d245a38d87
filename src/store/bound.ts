import type { SQL } from "drizzle-orm";
import { sql } from "drizzle-orm";

/**
 * A value in a place where SQLite's planner would look at it: behind `limit`, or compared with a column beside other conditions.
 * A statement that was planned by a value is planned anew each time one is bound there, which takes many times as long as to run it.
 * The planner does not look into a cast.
 */
export function bound(value: string | number): SQL {
  return sql`cast(${value} as ${sql.raw(typeof value === "number" ? "bigint" : "text")})`;
}
