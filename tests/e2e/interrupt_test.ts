/** Ctrl-C and SIGTERM while a command works: it ends soon and leaves no part of a file. Sends real signals to real processes. */
import { assertEquals } from "@std/assert";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { withFolder } from "../support/edited_model.ts";
import { fixturePath } from "../support/fixture.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const READY = "ready";

/** A program that works on and on, as `work` says, until `signal` is aborted. */
const program = (work: string): string => `
import { terminalIo } from ${moduleText("packages/cli/src/terminal/terminal_io.ts")};
import { loadModel } from ${moduleText("packages/runtime/mod.ts")};
import { openFileSink, openGguf } from ${moduleText("packages/runtime/src/gguf/mod.ts")};
import { quantizeModel } from ${moduleText("packages/runtime/src/quantize/mod.ts")};
const { signal } = terminalIo();
const [model, out] = [${JSON.stringify(MODEL)}, Deno.args[0]];
console.log("${READY}");
try {
  ${work}
} catch (error) {
  console.log(error.message);
}
Deno.exit(0);
`;

function moduleText(path: string): string {
  return JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
}

const WORK: Readonly<Record<string, string>> = {
  score: `
  const loaded = await loadModel(model);
  for (;;) await loaded.score(Array.from({ length: 500 }, (_, i) => i % 380), { signal });`,
  load: "for (;;) await (await loadModel(model, { signal, threads: 1 })).close();",
  quantize: `
  const opened = await openGguf(model);
  for (;;) {
    const sink = await openFileSink(out, { overwrite: true });
    try {
      await quantizeModel(opened, sink, "Q4_K", { signal });
    } finally {
      sink.abort();
    }
  }`,
};

/** Runs the program, sends the signal half a second after it is ready, gives what it said then. */
function interrupted(script: string, out: string, signal: NodeJS.Signals): Promise<string> {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const child = spawn(process.execPath, ["eval", "--no-check", script, out], { cwd });
  const { promise, resolve } = Promise.withResolvers<string>();
  const pid = child.pid as number; // child.kill sends no second signal
  const late = setTimeout(() => process.kill(pid, "SIGKILL"), 10_000);
  let said = "";
  child.stderr.on("data", (bytes) => said += bytes);
  child.stdout.on("data", (bytes) => {
    if (said === "") setTimeout(() => process.kill(pid, signal), 500);
    said += bytes;
  });
  child.on("close", () => {
    clearTimeout(late);
    resolve(said);
  });
  return promise;
}

for (const [name, work] of Object.entries(WORK)) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`${signal}: ends ${name} and leaves no part of a file`, () =>
      withFolder(async (folder) => {
        const said = await interrupted(program(work), join(folder, "out.gguf"), signal);
        assertEquals(said, `${READY}\nInterrupted\n`);
        assertEquals(readdirSync(folder), []);
      }));
  }
}
