/** `deno task ok`: the developers' gate. Format, lint, the users' tests, packages, WebGPU, Rust tests, artifacts. */
import process from "node:process";
import { runSteps } from "./support/steps.ts";

process.exit(
  await runSteps([
    { name: "format", command: ["deno", "fmt", "--check"] },
    { name: "lint", command: ["deno", "lint"] },
    { name: "deno task test", command: ["deno", "task", "test"] },
    {
      name: "npm packages on Node",
      command: ["deno", "test", "--allow-all", "tests/packages/on_node.ts"],
    },
    {
      name: "npm packages in a browser",
      command: ["deno", "test", "--allow-all", "tests/packages/in_browser.ts"],
    },
    {
      name: "waist on WebGPU",
      command: ["deno", "test", "--allow-all", "tests/webgpu/on_webgpu.ts"],
    },
    {
      name: "cargo test",
      command: ["cargo", "test", "--quiet", "--manifest-path", "core-rs/Cargo.toml"],
    },
    { name: "artifacts", command: ["deno", "task", "build", "--check"] },
  ]),
);
