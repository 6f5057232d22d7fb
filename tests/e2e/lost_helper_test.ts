/** A helper thread is lost while a program holds two models: one clear error, nothing hangs, the other model goes on. */
import { assertEquals } from "@std/assert";
import { denoProcess } from "../support/aha_process.ts";
import { fixturePath } from "../support/fixture.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const LOST = "ThreadError: A helper thread died: its Worker was ended; load the model again";

/** The program sees two cores and gets hold of the Workers that the runtime starts. */
const SCRIPT = `
import process from "node:process";
import { loadModel } from ${
  JSON.stringify(new URL("../../packages/runtime/mod.ts", import.meta.url).href)
};
Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 });
const threads = process.getBuiltinModule("node:worker_threads");
const workers = [];
threads.Worker = class extends threads.Worker {
  constructor(...words) {
    super(...words);
    workers.push(this);
  }
};
const options = { maxTokens: 12, temperature: 0, ignoreEnd: true };
const first = await loadModel(${JSON.stringify(MODEL)}, { threads: 2 });
const other = await loadModel(${JSON.stringify(MODEL)}, { threads: 2 });
const prompt = [1, 2, 3];
const { ids } = await other.complete(prompt, options);
const say = (run) => run.then(() => console.log("no error"), (error) => console.log(String(error)));
`;

async function assertPrints(script: string, lines: readonly string[]): Promise<void> {
  const { code, out, error } = await denoProcess(["-"], { stdin: SCRIPT + script });
  assertEquals({ code, out: out.trim().split("\n"), error }, { code: 0, out: lines, error: "" });
}

Deno.test("Model: a helper lost between requests is an error of the next ones, not of other models", async () => {
  await assertPrints(
    `await workers[0].terminate();
    await say(first.complete(prompt, options));
    await say(Array.fromAsync(first.chat([{ role: "user", content: "Hi" }], options)));
    await say(first.generateBatch([prompt, [4]], options));
    await say(first.score(prompt));
    await first.close();
    await say(first.complete(prompt, options));
    console.log(String((await other.complete(prompt, options)).ids) === String(ids));
    await other.close();`,
    [LOST, LOST, LOST, LOST, "TypeError: The model is closed", "true"],
  );
});

Deno.test("Model: a helper lost while requests run ends them all", async () => {
  await assertPrints(
    `const long = { ...options, maxTokens: 400 };
    let ended;
    const onText = () => ended ??= workers[0].terminate();
    await Promise.all([say(first.complete(prompt, { ...long, onText })), say(first.complete([5], long))]);
    await first.close();
    console.log(String((await other.complete(prompt, options)).ids) === String(ids));`,
    [LOST, LOST, "true"],
  );
});
