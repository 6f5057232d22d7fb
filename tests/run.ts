/** `deno task test`: everything that needs only Deno. Fetches the small real model first; needs no Rust and no Python tools. */
import process from "node:process";
import { runSteps, type Step } from "./support/steps.ts";

/** The parity tests read the model from the cache, or from the file that this names. */
const fetchModel: Step[] = process.env.AHA_SMOLLM2 ? [] : [{
  name: "fetch smollm2-135m (98 MB, once)",
  command: ["deno", "run", "--allow-all", "packages/cli/main.ts", "pull", "smollm2-135m"],
}];

process.exit(
  await runSteps([
    ...fetchModel,
    { name: "type check", command: ["deno", "check", "."] },
    { name: "tests and documentation", command: ["deno", "test", "--allow-all", "--doc"] },
  ]),
);
