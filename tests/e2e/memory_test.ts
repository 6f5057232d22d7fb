/** DESIGN 2's bounds on memory, each model in a process of its own: weights in wasm, the peak of the whole process. Needs the pulled model. */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { MemoryFigures } from "../../bench/memory.ts";
import { openFileSink } from "../../packages/runtime/src/gguf/mod.ts";
import { denoProcess } from "../support/aha_process.ts";
import { withFolder } from "../support/edited_model.ts";
import { writeGeneratedMixture } from "../support/generated_mixture.ts";
import { writeGeneratedQwen2 } from "../support/generated_model.ts";

const PROBE = fileURLToPath(new URL("../../bench/memory.ts", import.meta.url));
/** Bytes of llama.cpp's Q4_K_M of Qwen2.5-0.5B, to a percent. */
const QWEN_BYTES = 398e6;

async function checkBounds(model: string): Promise<MemoryFigures> {
  const ended = await denoProcess([PROBE, "--measure", model], { timeoutMs: 120_000 });
  assertEquals([ended.code, ended.error], [0, ""]);
  const figures: MemoryFigures = JSON.parse(ended.out);
  assert(figures.wasmWeightBytes > 0.9 * figures.tensorBytes, "the weights are in wasm");
  assert(figures.passed, ended.out);
  return figures;
}

Deno.test("memory: SmolLM2-135M stays within its bounds", async () => {
  await checkBounds(process.env.AHA_SMOLLM2 || "smollm2-135m");
});

Deno.test("memory: a Q4_K_M of Qwen2's 0.5B shape with 151,936 tokens stays within its bounds", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "model.gguf");
    const sink = await openFileSink(path);
    await writeGeneratedQwen2(sink, 1);
    sink.commit();
    const { fileBytes } = await checkBounds(path);
    assert(Math.abs(fileBytes / QWEN_BYTES - 1) < 0.01, `${fileBytes} bytes`);
  });
});

Deno.test("memory: a mixture over latents stays within its bounds and its plan", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "model.gguf");
    const sink = await openFileSink(path);
    await writeGeneratedMixture(sink, 1);
    sink.commit();
    await checkBounds(path);
  });
});
