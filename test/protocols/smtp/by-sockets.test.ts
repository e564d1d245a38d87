import { openSubmitterBySockets } from "../../../src/protocols/smtp/open-submitter-sockets.ts";
import { runtimeSockets } from "./runtime-sockets.ts";
import { using } from "./submitting.ts";
// The same dialogs as over the sockets of Node.
import "./dialog.test.ts";
import "./hostile.test.ts";
import "./needs.test.ts";
import "./split.test.ts";
import "./submitter.test.ts";

using.open = openSubmitterBySockets(runtimeSockets());
using.tellsTlsFailures = false;
