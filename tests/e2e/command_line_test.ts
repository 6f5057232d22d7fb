/** `aha` as a process of its own: streams, exit codes, and a reader that goes away. Runs no model. */
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fixturePath } from "../support/fixture.ts";

const MAIN = fileURLToPath(new URL("../../packages/cli/main.ts", import.meta.url));
const MODEL = fixturePath("models/llama_untied/gguf/model-F16.gguf");

function deno(words: readonly string[]): [string, string[]] {
  return [process.execPath, ["run", "--no-check", "--allow-all", MAIN, ...words]];
}

Deno.test("aha: stdin, stdout, stderr and the exit code of the process", () => {
  const ids = spawnSync(...deno(["tokenize", MODEL, "-"]), { input: "Hi 😀", encoding: "utf8" });
  assertEquals([ids.status, ids.stderr], [0, ""]);
  const words = ["detokenize", MODEL, "--ids", ids.stdout.trim()];
  assertEquals(spawnSync(...deno(words), { encoding: "utf8" }).stdout, "Hi 😀");
  const wrong = spawnSync(...deno(["tokenize"]), { encoding: "utf8" });
  assertEquals([wrong.status, wrong.stdout], [2, ""]);
  assertStringIncludes(wrong.stderr, "aha: tokenize needs MODEL");
});

Deno.test("aha: a reader that goes away ends it quietly", async () => {
  // more than a pipe holds, so that writing must meet the closed end
  const child = spawn(...deno(["tokenize", MODEL, "-"]), { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => errors += chunk);
  child.stdout.once("data", () => child.stdout.destroy());
  child.stdin.end("word ".repeat(400_000));
  const code = await new Promise((resolve) => child.once("close", resolve));
  assertEquals([code, errors], [0, ""]);
});
