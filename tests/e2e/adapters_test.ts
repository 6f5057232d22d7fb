/** Adapters at run time through the library: bits of the ops with adapters, a choice a request, side by side, what is reused. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import {
  type Completion,
  loadModel,
  type Model,
  UnsupportedError,
} from "../../packages/runtime/mod.ts";
import { createWasmBackend } from "../../packages/runtime/src/backend/wasm/backend.ts";
import { Decoder } from "../../packages/runtime/src/engine/decoder.ts";
import { scoreTokens } from "../../packages/runtime/src/engine/reading/score.ts";
import { StepSize } from "../../packages/runtime/src/engine/step_size.ts";
import {
  adaptedOps,
  type AdapterValues,
  loadAdapters,
} from "../../packages/runtime/src/lora/mod.ts";
import type { LatentForm } from "../../packages/runtime/mod.ts";
import { modelBlob } from "../support/f32_model.ts";
import { fixturePath } from "../support/fixture.ts";
import { adapterFile, configOf, madeAdapter } from "../support/made_adapters.ts";
import { memorySink } from "../support/memory_sink.ts";
import { foreseeingModel } from "../support/multi_token_model.ts";
import { F32_NMSE, nmse } from "../support/tolerance.ts";
import { openTrainable } from "../support/trainable_model.ts";
import { trainingReference } from "../support/training_fixture.ts";
import { storedTensors } from "../support/training_steps.ts";

const path = (file: string) => fixturePath(`models/${file}.gguf`);
const LLAMA = path("llama_untied/gguf/model-F32");
const PROMPT = Array.from({ length: 75 }, (_, i) => (i * i * 7 + i * 31 + 3) % 380);
const OPTIONS = { maxTokens: 24, temperature: 0.9, seed: 4, ignoreEnd: true } as const;

const MODELS: readonly (readonly [file: string, form?: LatentForm])[] = [
  ["llama_untied/gguf/model-F32"],
  ["llama_untied/gguf/model-Q8_0"],
  ["llama_k256/gguf/model-Q4_K_M"],
  ["qwen3_moe/gguf/model-Q8_0"],
  ["deepseek_v3/gguf/model-Q8_0", "naive"],
];

/** What a choice must not change. */
function told({ ids, logprobs, text }: Completion): unknown {
  return { ids, logprobs, text };
}

/** Log-probabilities by a decoder over the ops with adapters, which has a tape's bits (training_bits_test.ts). */
async function scoredBelow(
  file: string,
  values: readonly AdapterValues[],
  ids: readonly number[],
  form?: LatentForm,
): Promise<number[]> {
  const backend = await createWasmBackend();
  const { model } = await openTrainable(backend, file, form);
  const ops = adaptedOps(backend, await loadAdapters(backend, values));
  const cache = backend.createCache(model.kvShape("f32"));
  const scored = await scoreTokens(new Decoder(model, ops, 256), cache, ids, new StepSize(1e6));
  await backend.close();
  return Array.from(scored);
}

for (const [name, form] of MODELS) {
  Deno.test(`adapters: ${name}: answers and scores have the bits of the ops with adapters`, async () => {
    const file = path(name);
    const config = await configOf(file, form);
    const values = madeAdapter(config, 3);
    await using model = await loadModel(file, {
      lora: await adapterFile(config, values),
      kvType: "f32",
    });
    assertEquals(model.config.latent?.form, form);
    const answer = await model.complete(PROMPT, OPTIONS);
    const all = [...PROMPT, ...answer.ids];
    const { logprobs } = await model.score(all);
    assertEquals(logprobs, await scoredBelow(file, values, all, form));
    assertEquals(answer.logprobs, logprobs.slice(PROMPT.length - 1));

    await using plain = await loadModel(file, { kvType: "f32", latentForm: form });
    const without = await plain.complete(PROMPT, OPTIONS);
    assertNotEquals(told(answer), told(without));
    assertEquals(told(await model.complete(PROMPT, { ...OPTIONS, adapter: null })), told(without));
    assertEquals(await model.score(all, { adapter: null }), await plain.score(all));
  });
}

for (const [name, k] of [["llama_untied", 1], ["deepseek_v3", 0]] as const) {
  Deno.test(`adapters: ${name}: peft's folder gives the logits of the merged model`, async () => {
    const folder = `train/${name}/lora_${k}`;
    await using model = await loadModel(path(`${name}/gguf/model-F32`), {
      lora: { name: "tuned", from: fixturePath(`${folder}_peft`) },
    });
    const { input_ids: [ids] } = trainingReference(name);
    const [wanted] = storedTensors(`${folder}_merged_logits_after_step5.safetensors`).values();
    const logits = async (adapter?: string) => {
      const rows: number[] = [];
      await model.score(ids, { adapter, onLogits: (some) => rows.push(...some) });
      return rows.slice(-wanted.length);
    };
    const error = nmse(await logits("tuned"), wanted);
    assert(error <= F32_NMSE, `logits are off by ${error}`);
    assert(nmse(await logits(), wanted) > 100 * F32_NMSE, "without a choice it is the model alone");
  });
}

/** A model with two named adapters and one that applies unasked. */
async function three(file: string | Blob = LLAMA, more = {}): Promise<Model> {
  const config = await configOf(file, "naive");
  const made = (seed: number) => adapterFile(config, madeAdapter(config, seed, ["all-linear"]));
  return await loadModel(file, {
    ...{ kvType: "f32", cacheTokens: 4096, ...more },
    lora: [
      { from: await made(1), name: "one" },
      { from: await made(2), name: "two", scale: 0.5 },
      await made(3),
    ],
  });
}

const CHOICES = [undefined, null, "one", "two", [{ name: "two" }, { name: "one", scale: -1 }]];

Deno.test("adapters: requests of different ones run side by side, each as alone, and share no keys", async () => {
  await using model = await three();
  assertEquals(model.adapters.map(({ name, isDefault, scale }) => [name, isDefault, scale]), [
    ...[["one", false, 1], ["two", false, 0.5], ["Blob", true, 1]],
  ]);
  const requests = CHOICES.flatMap((adapter) =>
    [PROMPT, PROMPT.slice(0, 40), [...PROMPT.slice(0, 50), 1, 2, 3]].map((ids) => ({
      ids,
      adapter,
    }))
  );
  const alone = [];
  for (const { ids, adapter } of requests) {
    alone.push(told(await model.complete(ids, { ...OPTIONS, adapter, reusePrefix: false })));
  }
  assertEquals(new Set(alone.map((one) => JSON.stringify(one))).size, requests.length);
  const together = await Promise.all(
    requests.map(({ ids, adapter }) => model.complete(ids, { ...OPTIONS, adapter })),
  );
  assertEquals(together.map(told), alone);
  // each set of adapters has fed the prompt itself, and finds it again
  const again = await Promise.all(
    requests.map(({ ids, adapter }) => model.complete(ids, { ...OPTIONS, adapter })),
  );
  assertEquals(again.map(told), alone);
  const reused = again.map(({ usage }) => usage.cachedPromptTokens);
  assertEquals(reused, CHOICES.flatMap(() => [74, 39, 52]));
  const batch = await model.generateBatch([PROMPT, PROMPT], { ...OPTIONS, adapter: "one" });
  const single = { ...OPTIONS, adapter: "one", choice: 1 };
  assertEquals(batch.map(told), [alone[6], told(await model.complete(PROMPT, single))]);
});

Deno.test("adapters: embeddings and scores beside answers of others", async () => {
  await using model = await three();
  const embed = (adapter?: string | null) => model.embed(PROMPT, { adapter });
  const alone = [await embed(), await embed(null), await embed("one"), await embed("two")];
  assertEquals(new Set(alone.map(String)).size, 4);
  const scores = [await model.score(PROMPT, { adapter: "one" }), await model.score(PROMPT)];
  const [vectors, scored] = await Promise.all([
    Promise.all([embed(), embed(null), embed("one"), embed("two")]),
    Promise.all([model.score(PROMPT, { adapter: "one" }), model.score(PROMPT)]),
    model.complete(PROMPT, { ...OPTIONS, adapter: "two" }),
  ]);
  assertEquals([vectors, scored], [alone, scores]);
});

Deno.test("adapters: several at once are added in the order of loading, by the factors of the request", async () => {
  await using model = await three();
  const logprobs = async (adapter: Parameters<Model["score"]>[1]) =>
    (await model.score(PROMPT, adapter)).logprobs;
  const both = await logprobs({ adapter: [{ name: "one" }, { name: "two" }] });
  assertEquals(await logprobs({ adapter: [{ name: "two" }, { name: "one" }] }), both);
  assertEquals(
    await logprobs({ adapter: [{ name: "two", scale: 0.5 }] }),
    await logprobs({ adapter: "two" }),
  );
  const none = await logprobs({ adapter: null });
  assertEquals(await logprobs({ adapter: [{ name: "one", scale: 0 }] }), none);
  assertEquals(await logprobs({ adapter: [] }), none);
  const small = await logprobs({ adapter: [{ name: "one", scale: 1e-6 }] });
  small.forEach((value, i) => assertAlmostEquals(value, none[i], 1e-4));
});

Deno.test("adapters: where room is short, older answers of others go on, and all come to their end", async () => {
  await using wide = await three();
  const requests = Array.from({ length: 9 }, (_, i) => ({
    ids: PROMPT.map((id) => (id + i) % 380),
    adapter: CHOICES[i % CHOICES.length],
  }));
  const run = (model: Model) =>
    Promise.all(requests.map(({ ids, adapter }) => model.complete(ids, { ...OPTIONS, adapter })));
  const wanted = (await run(wide)).map(told);
  await using narrow = await three(LLAMA, { contextTokens: 128, cacheTokens: 160 });
  assertEquals((await run(narrow)).map(told), wanted);
});

Deno.test("adapters: guesses change nothing: by prompt lookup, and by the layer for multi-token prediction", async () => {
  const file = modelBlob(await foreseeingModel(0.1));
  await using model = await three(file, { multiToken: true });
  let accepted = 0;
  for (const speculation of ["lookup", "mtp"] as const) {
    for (const adapter of [null, "one", [{ name: "one", scale: 0.05 }]]) {
      const options = { ...OPTIONS, maxTokens: 48, adapter, reusePrefix: false };
      const plain = await model.complete(PROMPT, { ...options, speculation: "off" });
      const others = CHOICES.map((other) => model.complete([5, 6], { ...OPTIONS, adapter: other }));
      const guessed = await model.complete(PROMPT, { ...options, speculation });
      await Promise.all(others);
      assertEquals(told(guessed), told(plain), `${speculation}, ${JSON.stringify(adapter)}`);
      if (adapter !== null) accepted += guessed.timings.acceptedTokens;
      // keys of the layer are reused as those of blocks are
      const again = await model.complete(PROMPT, { ...options, speculation, reusePrefix: true });
      assertEquals(told(again), told(plain));
    }
  }
  assert(accepted > 0, "no guess was right");
});

Deno.test("adapters: a prompt cache belongs to its adapters and their factors", async () => {
  await using model = await three();
  const saved = async (adapter: string | null) => {
    const sink = memorySink();
    await model.savePromptCache(PROMPT, sink, { adapter });
    return sink.blob();
  };
  const [one, none] = [await saved("one"), await saved(null)];
  const wanted = told(await model.complete(PROMPT, { ...OPTIONS, adapter: "one" }));
  await using other = await three();
  for (const adapter of [undefined, null, "two", [{ name: "one", scale: 0.9 }]]) {
    const refused = await other.restorePromptCache(one, { adapter }).catch((error) => error);
    assertEquals(refused.name, "PromptCacheError", JSON.stringify(adapter));
  }
  assertEquals((await other.restorePromptCache(one, { adapter: "one" })).restoredTokens, 64);
  const answer = await other.complete(PROMPT, { ...OPTIONS, adapter: "one" });
  assertEquals([told(answer), answer.usage.cachedPromptTokens], [wanted, 64]);
  const unadapted = await other.complete(PROMPT, { ...OPTIONS, adapter: null });
  assertEquals(unadapted.usage.cachedPromptTokens, 0);
  // without adapters it is the file of the model alone
  await using plain = await loadModel(LLAMA, { kvType: "f32" });
  assertEquals((await plain.restorePromptCache(none)).restoredTokens, 64);
});

Deno.test("adapters: chat and sessions choose them too", async () => {
  const file = path("qwen2/gguf/model-Q8_0");
  await using model = await three(file);
  const messages = [{ role: "user", content: "Why?" }];
  const chat = async (adapter?: string | null) =>
    (await Array.fromAsync(model.chat(messages, { ...OPTIONS, adapter })))
      .flatMap((event) => event.type === "end" ? [] : event.ids);
  const own = await chat("one");
  assertNotEquals(own, await chat(null));
  const session = model.session({ ...OPTIONS, adapter: "one" });
  const sent = await Array.fromAsync(session.send("Why?"));
  assertEquals(sent.flatMap((event) => event.type === "end" ? [] : event.ids), own);
});

Deno.test("adapters: the memory plan counts them, and what they make of a row", async () => {
  const config = await configOf(LLAMA);
  const lora = await adapterFile(config, madeAdapter(config, 1));
  const plans: Parameters<NonNullable<Parameters<typeof loadModel>[1]>["onPlan"] & object>[0][] =
    [];
  const onPlan = (plan: typeof plans[number]) => void plans.push(plan);
  await using model = await loadModel(LLAMA, { lora, onPlan });
  await using _plain = await loadModel(LLAMA, { onPlan });
  const [adapted, plain] = plans;
  assertEquals(plain.adapterBytes, 0);
  assertEquals(adapted.adapterBytes, model.adapters[0].sizeBytes);
  assert(adapted.adapterBytes >= lora.size / 2, `${adapted.adapterBytes} of ${lora.size}`);
  assert(adapted.activationBytes > plain.activationBytes);
  const grown = adapted.activationBytes + adapted.adapterBytes - plain.activationBytes;
  assertEquals(adapted.totalBytes - plain.totalBytes, grown);
});

Deno.test("adapters: two that change the same experts are refused together, and work one at a time", async () => {
  const file = path("qwen3_moe/gguf/model-Q8_0");
  const config = await configOf(file);
  const made = (seed: number) => adapterFile(config, madeAdapter(config, seed));
  const [one, two] = [await made(1), await made(2)];
  const both = "both change the experts of blk.0.ffn_gate_exps.weight: use one at a time";
  const unnamed = () => loadModel(file, { lora: [one, two] });
  await assertRejects(unnamed, UnsupportedError, both);
  await using model = await loadModel(file, {
    lora: [{ from: one, name: "one" }, { from: two, name: "two" }],
  });
  const together = { adapter: [{ name: "one" }, { name: "two" }] };
  await assertRejects(() => model.score(PROMPT, together), UnsupportedError, both);
  const alone = [
    await model.score(PROMPT, { adapter: "one" }),
    await model.score(PROMPT, { adapter: "two" }),
  ];
  assertNotEquals(alone[0], alone[1]);
});

Deno.test("adapters: a choice that cannot be is refused by name, and holds nothing", async () => {
  await using model = await three();
  const refused = (adapter: unknown, message: string) =>
    assertRejects(
      () => model.complete(PROMPT, { ...OPTIONS, adapter: adapter as string }),
      RangeError,
      message,
    );
  await refused("three", 'adapter "three" is none of those that the model was loaded with: it has');
  await refused([{ name: 3 }], "adapter 3 is none of those");
  await refused([{ name: "one" }, { name: 0 }], "adapter names one twice");
  await refused([{ name: "one", scale: NaN }], "adapter has one with a scale of NaN");
  await refused(7, "adapter must be a name, null, or a list");
  assertEquals(model.occupancy().running, 0);
});

Deno.test("adapters: an adapter of keys and values from latents chooses the form of attention, or is refused", async () => {
  const file = path("deepseek_v3/gguf/model-F32");
  const config = await configOf(file, "naive");
  const lora = await adapterFile(config, madeAdapter(config, 1, ["kv_b_proj"]));
  await using model = await loadModel(file, { lora });
  assertEquals(model.config.latent?.form, "naive");
  const absorbed = () => loadModel(file, { lora, latentForm: "absorbed" });
  await assertRejects(absorbed, UnsupportedError, 'latentForm "naive"');
  const other = await adapterFile(config, madeAdapter(config, 1, ["o_proj"]));
  await using absorbing = await loadModel(file, { lora: other });
  assertEquals(absorbing.config.latent?.form, "absorbed");
});
