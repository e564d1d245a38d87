import type { Front } from "../env.ts";

/** Nothing but our own origin; Scalar writes its styles and icons into the page. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Postern API reference</title>
    <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M3 15V7a5 5 0 0 1 10 0v8z' fill='%230f766e'/%3E%3Cpath d='M6 15V8a2 2 0 0 1 4 0v7z' fill='%23fff'/%3E%3C/svg%3E">
    <link rel="stylesheet" href="/docs/style.css">
  </head>
  <body>
    <div id="reference"></div>
    <noscript>This page needs JavaScript. The same is in <a href="/openapi.json">/openapi.json</a>.</noscript>
    <script src="/docs/scalar.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = `Scalar.createApiReference("#reference", {
  url: "/openapi.json",
  theme: "none",
  layout: "modern",
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  persistAuth: false,
  defaultOpenFirstTag: true,
  documentDownloadType: "direct",
  externalUrls: { dashboardUrl: "", registryUrl: "", proxyUrl: "", apiBaseUrl: "" },
  authentication: { preferredSecurityScheme: "bearer" },
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
});
`;

const style = `:root {
  --scalar-font: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  --scalar-font-code: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --scalar-radius: 6px;
  --scalar-radius-lg: 8px;
}
.light-mode {
  --scalar-background-1: #ffffff;
  --scalar-background-2: #f6f8f8;
  --scalar-background-3: #e9eeee;
  --scalar-background-accent: #0f766e14;
  --scalar-color-1: #14211f;
  --scalar-color-2: #4a5b59;
  --scalar-color-3: #748582;
  --scalar-color-accent: #0f766e;
  --scalar-border-color: #dde4e3;
}
.dark-mode {
  --scalar-background-1: #101716;
  --scalar-background-2: #17201f;
  --scalar-background-3: #22302e;
  --scalar-background-accent: #2dd4bf1f;
  --scalar-color-1: #e7efee;
  --scalar-color-2: #a6b6b4;
  --scalar-color-3: #738482;
  --scalar-color-accent: #2dd4bf;
  --scalar-border-color: #263432;
}
body { margin: 0; }
section:focus { outline: none; }
`;

/** /docs: the reference for people, by Scalar, from our own origin only. `openScript` null: static assets serve it. */
export function docs(app: Front, openScript: (() => Promise<Uint8Array<ArrayBuffer>>) | null): void {
  const headers = (type: string, cache: string) => ({
    "Content-Type": `${type}; charset=utf-8`,
    "Content-Security-Policy": policy,
    "Cache-Control": cache,
  });
  const text = (path: string, body: string, type: string) =>
    app.get(path, (c) => {
      c.var.line.route = path;
      return c.body(body, 200, headers(type, "no-cache"));
    });
  text("/docs", page, "text/html");
  text("/docs/start.js", start, "text/javascript");
  text("/docs/style.css", style, "text/css");
  if (openScript === null) return;
  let script: Uint8Array<ArrayBuffer> | undefined;
  app.get("/docs/scalar.js", async (c) => {
    c.var.line.route = "/docs/scalar.js";
    script ??= await openScript();
    return c.body(script, 200, headers("text/javascript", "max-age=86400"));
  });
}
