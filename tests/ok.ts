/** `deno task ok`: the developers' gate. Format, lint, the users' tests, the Rust tests, the committed artifacts. */
import process from "node:process";
import { runSteps } from "./support/steps.ts";

process.exit(
  await runSteps([
    { name: "format", command: ["deno", "fmt", "--check"] },
    { name: "lint", command: ["deno", "lint"] },
    { name: "deno task test", command: ["deno", "task", "test"] },
    {
      name: "cargo test",
      command: ["cargo", "test", "--quiet", "--manifest-path", "core-rs/Cargo.toml"],
    },
    { name: "artifacts", command: ["deno", "task", "build", "--check"] },
  ]),
);
