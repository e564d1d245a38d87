import type { Front } from "./env.ts";

const tables = new WeakMap<Front, { path: RegExp; method: string }[]>();

/** Routes by path and method, in the order of their registration; middleware left out. Built at the first question. */
function table(app: Front) {
  let rows = tables.get(app);
  if (rows === undefined) {
    rows = app.openAPIRegistry.definitions.flatMap((definition) => {
      if (definition.type !== "route") return [];
      const { path, method } = definition.route;
      const pattern = path
        .split("/")
        .map((part) => (part.startsWith("{") ? "[^/]+" : part.replaceAll(/[.*+?^$()[\]\\|]/g, String.raw`\$&`)))
        .join("/");
      return [{ path: new RegExp(`^${pattern}$`), method: method.toUpperCase() }];
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
