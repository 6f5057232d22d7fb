/** `aha score --routing` and what `aha inspect` says of experts: the fields of the contract, and the reference's experts. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadModel, MemoryError } from "../../packages/runtime/mod.ts";
import { runAha } from "../support/captured_io.ts";
import { withFolder, writeModel } from "../support/edited_model.ts";
import { assertFails, FAILED } from "../support/failing_command.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { multiTokenModel } from "../support/multi_token_model.ts";
import { ROUTED_WEIGHT } from "../support/tolerance.ts";

const FOLDER = "models/deepseek_v3";
const MODEL = fixturePath(`${FOLDER}/gguf/model-F32.gguf`);
const { prompts } = fixtureJson<
  { prompts: readonly { readonly name: string; readonly ids: readonly number[] }[] }
>(`${FOLDER}/expected.json`);
const expected = fixtureJson<
  Record<string, Record<string, { experts: number[][]; weights: number[][] }>>
>(`${FOLDER}/routing.json`);

async function scored(sequences: readonly (readonly number[])[], ...words: string[]) {
  return await withFolder(async (folder) => {
    const file = join(folder, "ids.json");
    writeFileSync(file, JSON.stringify(sequences));
    const { code, out, error } = await runAha(["score", MODEL, "--ids", file, ...words]);
    assertEquals([code, error], [0, ""]);
    return JSON.parse(out).sequences;
  });
}

Deno.test("aha score --routing: one entry a token in each layer with a mixture, the reference's experts", async () => {
  const sequences = await scored(prompts.map(({ ids }) => ids), "--routing");
  prompts.forEach(({ name, ids }, i) => {
    assertEquals(Object.keys(sequences[i]), ["ids", "logprobs", "meanNll", "routing"]);
    const { routing } = sequences[i];
    assertEquals(Object.keys(routing), ["1", "2"]);
    for (const [layer, { experts, weights }] of Object.entries(expected[name])) {
      const tokens = routing[layer] as { experts: number[]; weights: number[] }[];
      assertEquals(tokens.map((token) => token.experts), experts);
      assertEquals(tokens.length, ids.length);
      tokens.forEach((token, row) =>
        token.weights.forEach((weight, k) =>
          assert(Math.abs(weight - weights[row][k]) <= ROUTED_WEIGHT, `${name} ${layer} ${row}`)
        )
      );
    }
  });
});

Deno.test("aha score --routing: it changes no score, and comes only where it is asked for", async () => {
  const long = Array.from({ length: 200 }, (_, i) => (i * i * 7 + i * 31) % 380);
  const [plain] = await scored([long]);
  const [{ routing, ...rest }] = await scored([long], "--routing");
  assertEquals(plain, rest);
  assertEquals(routing["1"].length, 200);
  assertEquals((await scored([[]], "--routing"))[0].routing, {});
});

Deno.test("aha score --routing: a model without experts is told so in one line", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "ids.json");
    writeFileSync(file, "[[1, 2]]");
    const dense = fixturePath("models/llama_untied/gguf/model-F32.gguf");
    const words = ["score", dense, "--ids", file, "--routing"];
    await assertFails(words, FAILED, "The llama model has no experts");
  });
});

Deno.test("aha inspect: experts, and what one token touches", async () => {
  const { out } = await runAha(["inspect", MODEL, "--json"]);
  const summary = JSON.parse(out);
  assertEquals([summary.experts, summary.expertsUsed, summary.expertsShared], [8, 3, 1]);
  // Of two layers, 3 of 8 experts of three matrices of 64 x 32; of the embedding one row of 64.
  const idle = 2 * 5 * 3 * 64 * 32 + 383 * 64;
  assertEquals(summary.activeParameters, summary.parameters - idle);
  assertEquals(summary.bytesPerToken, summary.tensorBytes - 4 * idle);
  const text = (await runAha(["inspect", MODEL])).out;
  assertStringIncludes(text, "experts        8 and 1 shared, 3 a token\nactive         ");
});

Deno.test("aha inspect: a token touches one row of the embedding of a layer for multi-token prediction", async () => {
  await withFolder(async (folder) => {
    const path = writeModel(folder, await multiTokenModel());
    const { activeParameters, parameters } = JSON.parse(
      (await runAha(["inspect", path, "--json"])).out,
    );
    // Of three mixtures the idle experts, of two embeddings all rows but one.
    assertEquals(parameters - activeParameters, 3 * 5 * 3 * 64 * 32 + 2 * 383 * 64);
  });
});

Deno.test("aha inspect --plan: a joint matrix of keys and values counts as what it is made into", async () => {
  const file = fixturePath("models/deepseek_v2_lite/gguf/model-F32-legacy.gguf");
  const { plan, tensorBytes } = JSON.parse((await runAha(["inspect", file, "--json"])).out);
  assertEquals(plan.weightBytes, tensorBytes);
  assertEquals(plan.kvBytes, 4 * 3 * (32 + 8) * 256);
});

Deno.test("aha inspect --plan: a mixture's memory, with the room of its experts", async () => {
  const { out } = await runAha(["inspect", MODEL, "--plan"]);
  assertMatch(out, /^memory +[\d.]+ MiB for a context of \d+ tokens\n {2}weights +[\d.]+ KiB\n/);
  const { plan } = JSON.parse((await runAha(["inspect", MODEL, "--json", "--plan"])).out);
  const { weightBytes, kvBytes, activationBytes, overheadBytes, totalBytes } = plan;
  assertEquals(totalBytes, weightBytes + kvBytes + activationBytes + overheadBytes);
  // Latents of 32 and 8 rotary numbers in three layers.
  assertEquals(kvBytes, 4 * 3 * (32 + 8) * plan.contextTokens);
  assert(activationBytes > 20 << 20, "chunks of logits and a wave of experts");
});

Deno.test("aha run --memory: a mixture that needs more is told both numbers before it is loaded", async () => {
  const { plan } = JSON.parse((await runAha(["inspect", MODEL, "--json", "--plan"])).out);
  const needed = Math.ceil(plan.totalBytes / 2 ** 20);
  const words = ["run", MODEL, "--ids", "1,2", "--memory", "40MiB"];
  await assertFails(words, FAILED, [`The model needs ${needed} MiB (`, "40 MiB are allowed"]);
  const memoryBytes = plan.totalBytes - 1;
  const phases: string[] = [];
  const onProgress = ({ phase }: { readonly phase: string }) => void phases.push(phase);
  const error = await assertRejects(() => loadModel(MODEL, { memoryBytes, onProgress }));
  assert(error instanceof MemoryError);
  assertEquals([error.neededBytes, error.limitBytes], [plan.totalBytes, memoryBytes]);
  assertEquals(phases, []);
});
