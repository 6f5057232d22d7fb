#!/usr/bin/env node
/** The command `aha` of the npm package: runs it and exits with its code. */
import process from "node:process";
import { main, terminalIo } from "@aha/cli";

process.exit(await main(process.argv.slice(2), terminalIo()));
