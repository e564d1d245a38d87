import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDocument } from "../src/http/document.ts";
import { describedFront } from "./front.ts";

/** Rewrites openapi.json from the routes: `node openapi/write.ts`. */
const text = `${JSON.stringify(buildDocument(describedFront(), null), null, 2)}\n`;
writeFileSync(join(import.meta.dirname, "openapi.json"), text);
