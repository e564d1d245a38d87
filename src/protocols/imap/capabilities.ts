import type { Capabilities } from "../../mail/capabilities.ts";
import type { Session } from "./session.ts";

/** What the server can do. Keywords are as the folder that was selected last tells (PERMANENTFLAGS with `\*`). */
export function capabilities(session: Session): Capabilities {
  const permanent = session.selected?.permanentFlags;
  return {
    folders: true,
    move: true,
    keywords: !permanent || permanent.has("\\*") || [...permanent].some((flag) => !flag.startsWith("\\")),
    append: true,
    search: "server",
    push: session.has("IDLE") ? "idle" : "poll",
    flagStorage: "server",
  };
}
