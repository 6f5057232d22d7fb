/** Logits, hidden states and greedy continuations of every fixture against transformers and llama.cpp. No speed. */
import { assert, assertEquals } from "@std/assert";
import { readdirSync } from "node:fs";
import { loadModel } from "../../packages/runtime/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import { readSafetensors } from "../support/safetensors.ts";
import {
  F16_ROUNDED_NMSE,
  F32_NMSE,
  FLOAT_NMSE,
  KL_TO_LLAMACPP,
  klDivergence,
  nmse,
  ROUTED_KL_TO_LLAMACPP,
} from "../support/tolerance.ts";

const DENSE = ["llama_untied", "llama_tied_llama3rope", "llama_k256", "qwen2", "qwen3"];
const MIXTURES = ["deepseek_v3", "deepseek_v2_lite", "deepseek_v3_noqlora", "deepseek_v3_k256"]
  .concat("qwen3_moe");
/** The forms that hold the very weights of the reference, where there are any. */
const EXACT_FORMS: Readonly<Record<string, readonly string[]>> = {
  llama_untied: ["F32"],
  llama_k256: ["BF16"],
  qwen2: ["F32"],
  qwen3: ["F16"],
  deepseek_v3: ["F32"],
  deepseek_v2_lite: ["F32", "F32-legacy"],
  deepseek_v3_noqlora: ["F32"],
};
const FORMS = ["F32", "F32-legacy", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
  .concat(["Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "IQ4_NL", "IQ4_XS"]);

interface Expected {
  readonly prompts: readonly {
    readonly name: string;
    readonly ids: readonly number[];
    readonly greedy: readonly number[];
  }[];
}
type Crosscheck = Record<
  string,
  Record<string, { llamacpp_vs_transformers_on_same_weights: { mean_kl: number } }>
>;

for (const model of [...DENSE, ...MIXTURES]) {
  const folder = `models/${model}`;
  const forms = readdirSync(fixturePath(`${folder}/gguf`))
    .map((file) => /^model-(.+)\.gguf$/.exec(file)?.[1] ?? "").filter((form) =>
      FORMS.includes(form)
    );
  for (const form of forms) {
    Deno.test(`${model} ${form}: logits agree with the reference`, async () => {
      await checkLogits(model, form);
    });
  }
  const exact = (EXACT_FORMS[model] ?? []).filter((form) => forms.includes(form));
  for (const form of exact) {
    Deno.test(`${model} ${form}: greedy continuations are equal`, () => checkGreedy(model, form));
  }
  for (const form of exact.length > 0 ? exact : forms.filter((form) => form === "F16")) {
    Deno.test(`${model} ${form}: hidden states of each layer agree`, () =>
      checkHidden(model, form));
  }
}

Deno.test("llama_untied F32 in shards: the logits of the single file, bit for bit", async () => {
  const folder = "models/llama_untied";
  const { prompts } = fixtureJson<Expected>(`${folder}/expected.json`);
  await using single = await FixtureModel.open(fixturePath(`${folder}/gguf/model-F32.gguf`));
  await using split = await FixtureModel.open(
    fixturePath(`${folder}/gguf/model-F32-split-00001-of-00003.gguf`),
  );
  for (const { name, ids } of prompts) {
    assertEquals(await split.logits(ids), await single.logits(ids), name);
  }
});

function isF32(form: string): boolean {
  return form.startsWith("F32");
}

async function checkLogits(model: string, form: string): Promise<void> {
  const folder = `models/${model}`;
  const { prompts } = fixtureJson<Expected>(`${folder}/expected.json`);
  const suffix = isF32(form) ? "" : `-${form}-dequantized`;
  const references = readSafetensors(fixturePath(`${folder}/logits${suffix}.safetensors`));
  await using open = await FixtureModel.open(fixturePath(`${folder}/gguf/model-${form}.gguf`));
  const { vocabulary } = open.model.config;
  const kls: number[] = [];
  for (const { name, ids } of prompts) {
    const reference = references.get(name)?.values ?? new Float32Array();
    assert(reference.length > 0, `${name}: no reference`);
    const logits = (await open.logits(ids)).slice(-reference.length);
    if (isF32(form) || form === "F16" || form === "BF16") {
      const error = nmse(logits, reference);
      assert(error <= (isF32(form) ? F32_NMSE : FLOAT_NMSE), `${name}: NMSE ${error}`);
    }
    for (let i = 0; i < reference.length; i += vocabulary) {
      const row = (values: Float32Array) => values.subarray(i, i + vocabulary);
      kls.push(klDivergence(row(reference), row(logits)));
    }
  }
  if (/^I?Q/.test(form)) {
    const own = fixtureJson<Crosscheck>("models/crosscheck.json")[model][form];
    const factor = MIXTURES.includes(model) ? ROUTED_KL_TO_LLAMACPP : KL_TO_LLAMACPP;
    const limit = own.llamacpp_vs_transformers_on_same_weights.mean_kl * factor;
    const mean = kls.reduce((a, b) => a + b) / kls.length;
    assert(mean <= limit, `mean KL ${mean} exceeds ${limit}`);
  }
}

async function checkGreedy(model: string, form: string): Promise<void> {
  const { prompts } = fixtureJson<Expected>(`models/${model}/expected.json`);
  await using open = await loadModel(fixturePath(`models/${model}/gguf/model-${form}.gguf`), {
    kvType: "f32",
  });
  for (const { name, ids, greedy } of prompts) {
    const options = { maxTokens: greedy.length, temperature: 0, ignoreEnd: true };
    assertEquals((await open.complete(ids, options)).ids, greedy, name);
  }
}

/** hidden_0 is the embedding, hidden_i the output of layer i, the last one that of the final norm. */
async function checkHidden(model: string, form: string): Promise<void> {
  const folder = `models/${model}`;
  const { prompts } = fixtureJson<Expected>(`${folder}/expected.json`);
  const references = readSafetensors(fixturePath(`${folder}/hidden_text_0.safetensors`));
  const isExact = EXACT_FORMS[model]?.includes(form);
  const limit = !isExact ? F16_ROUNDED_NMSE : isF32(form) ? F32_NMSE : FLOAT_NMSE;
  await using open = await FixtureModel.open(fixturePath(`${folder}/gguf/model-${form}.gguf`));
  const { ids } = prompts.find(({ name }) => name === "text_0") as Expected["prompts"][number];
  const { layers } = open.model.config;
  const seen: [string, Promise<Float32Array>][] = [];
  await open.logits(ids, true, {
    hidden: (name, tensor) => seen.push([name, open.backend.ops.read(tensor)]),
  });
  for (const [name, values] of seen) {
    const index = name === "embedding" ? 0 : name === "norm" ? layers : Number(name.slice(6)) + 1;
    if (index === layers && name !== "norm") continue;
    const reference = references.get(`hidden_${index}`)?.values ?? new Float32Array();
    const error = nmse(await values, reference);
    assert(error <= limit, `${name}: NMSE ${error}`);
  }
  assertEquals(seen.length, layers + 2);
}
