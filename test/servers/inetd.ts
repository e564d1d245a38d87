import { spawn } from "node:child_process";
import { createServer } from "node:net";

import { loopback } from "./ports.ts";

/**
 * A program: `inetd.ts PORT COMMAND ARGUMENT…` listens on the loopback address and runs the command for each connection, which is
 * its standard input and output.
 */
const [port, command = "", ...args] = process.argv.slice(2);

const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
  const child = spawn(command, args, { stdio: [socket, socket, "inherit"] });
  child.on("error", (error) => process.stderr.write(`${command}: ${error.message}\n`));
  socket.on("error", () => {});
  socket.destroy(); // the command has its own copy
});
server.listen(Number(port), loopback);
