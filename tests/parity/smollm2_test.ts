/** SmolLM2-135M (Q4_1) against llama.cpp and float32: last logits, likelihood of a text. Needs the pulled model. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { loadModel, type Model } from "../../packages/runtime/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { readSafetensors } from "../support/safetensors.ts";
import { nmse, SMOLLM2_NLL_RELATIVE, SMOLLM2_NMSE_TO_LLAMACPP } from "../support/tolerance.ts";

/** The file that AHA_SMOLLM2 names, else the model in the cache. */
const MODEL = process.env.AHA_SMOLLM2 || "smollm2-135m";

interface Expected {
  readonly prompts: readonly { readonly name: string; readonly ids: readonly number[] }[];
  readonly text_nll: {
    readonly ids: readonly number[];
    readonly dequantized_f32_mean_nll: number;
  };
}
const expected = fixtureJson<Expected>("smollm2/expected.json");

async function lastLogits(model: Model, ids: readonly number[]): Promise<Float32Array> {
  let last = new Float32Array();
  await model.score(ids, {
    onLogits: (rows) => last = rows.slice(-model.config.vocabulary),
  });
  return last;
}

Deno.test("smollm2: error of the last logits is not above llama.cpp's", async () => {
  await using model = await loadModel(MODEL);
  const references = readSafetensors(
    fixturePath("smollm2/last_logits_dequantized_f32.safetensors"),
  );
  const peers = readSafetensors(fixturePath("smollm2/last_logits_llamacpp.safetensors"));
  const prompts = expected.prompts.filter(({ name }) => references.has(name)); // the copy here has some of them
  assert(prompts.length >= 5);
  let own = 0;
  let peer = 0;
  for (const { name, ids } of prompts) {
    const reference = references.get(name)?.values ?? new Float32Array();
    own += nmse(await lastLogits(model, ids), reference) / prompts.length;
    peer += nmse(peers.get(name)?.values ?? [], reference) / prompts.length;
  }
  console.log(`mean NMSE ${own.toExponential(2)}, llama.cpp's ${peer.toExponential(2)}`);
  assert(own <= peer * SMOLLM2_NMSE_TO_LLAMACPP, `mean NMSE ${own}, llama.cpp's is ${peer}`);
});

Deno.test("smollm2: likelihood of the reference text", async () => {
  await using model = await loadModel(MODEL);
  const { ids, dequantized_f32_mean_nll: reference } = expected.text_nll;
  const { meanNll, logprobs } = await model.score(ids);
  assertEquals(logprobs.length, ids.length - 1);
  console.log(`mean NLL ${meanNll.toFixed(4)}, float32's ${reference.toFixed(4)}`);
  assert(Math.abs(meanNll / reference - 1) <= SMOLLM2_NLL_RELATIVE, `mean NLL ${meanNll}`);
});

Deno.test("smollm2: threads and chunks change no bit", async () => {
  const ids = expected.text_nll.ids.slice(0, 300);
  await using two = await loadModel(MODEL, { threads: 2 });
  await using one = await loadModel(MODEL, { threads: 1 });
  const scored = await two.score(ids);
  assertEquals((await one.score(ids)).logprobs, scored.logprobs);
  // Decoding one by one sees the same numbers as scoring the whole: the log-probabilities of drawn tokens are equal.
  const options = { maxTokens: 24, temperature: 1, seed: 7, ignoreEnd: true };
  await using f32 = await loadModel(MODEL, { kvType: "f32" });
  const drawn = await f32.complete(ids, options);
  const rescored = await f32.score([...ids, ...drawn.ids]);
  assertEquals(drawn.logprobs.map(Math.fround), rescored.logprobs.slice(-24).map(Math.fround));
});
