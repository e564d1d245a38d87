import type { Front } from "./env.ts";

type Row = { path: RegExp; method: string };

const tables = new WeakMap<Front, Row[]>();

/** Routes by path and method; middleware left out. Built at the first question, when all routes stand. */
function table(app: Front): Row[] {
  let rows = tables.get(app);
  if (rows === undefined) {
    rows = app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ path, method }) => {
        const pattern = path
          .split("/")
          .map((part) => (part.startsWith(":") ? "[^/]+" : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)))
          .join("/");
        return { path: new RegExp(`^${pattern}$`), method };
      });
    tables.set(app, rows);
  }
  return rows;
}

/** The methods that a path takes, HEAD beside each GET, sorted; none: there is no such path. */
export function methodsOf(app: Front, pathname: string): string[] {
  const methods = new Set<string>();
  for (const { path, method } of table(app)) {
    if (!path.test(pathname)) continue;
    methods.add(method);
    if (method === "GET") methods.add("HEAD");
  }
  return [...methods].sort();
}
