/** Entry point of the `aha` command: runs it and exits with its code. Everything else lives in src/cli.ts. */
import process from "node:process";
import "@aha/runtime/embedded";
import { main } from "./src/cli.ts";
import { terminalIo } from "./src/terminal/terminal_io.ts";

if (import.meta.main) process.exit(await main(process.argv.slice(2), terminalIo()));
