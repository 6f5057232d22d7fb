/** Rollouts are what training sees: log-probabilities and routing have the bits of a pass over whole sequences on a tape, and
 * neither mates, nor how many run at once, nor threads change a completion. */
import { assert, assertEquals } from "@std/assert";
import { Tape } from "../../packages/grpo/src/autograd/tape.ts";
import { newAdapters } from "../../packages/grpo/src/parameters/new_adapters.ts";
import { adapterParameters } from "../../packages/grpo/src/parameters/trained_parameters.ts";
import { loadModel } from "../../packages/runtime/mod.ts";
import { createWasmBackend } from "../../packages/runtime/src/backend/wasm/backend.ts";
import { type Batch, makeBatch } from "../../packages/runtime/src/batch.ts";
import type { CachedSequence } from "../../packages/runtime/src/kv_cache.ts";
import { adaptedOps, type Adapters, loadAdapters } from "../../packages/runtime/src/lora/mod.ts";
import type { LanguageModel, Trace } from "../../packages/runtime/src/model/language_model.ts";
import type { Ops } from "../../packages/runtime/src/ops.ts";
import { type Rollout, rollOut, type RolloutRequest } from "../../packages/runtime/training.ts";
import { fixturePath } from "../support/fixture.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { openTrainable, type TrainableModel } from "../support/trainable_model.ts";

/** Lengths inside a page, on its border and over several; one of a single token. */
const PROMPTS = [
  Array.from({ length: 33 }, (_, i) => 10 + i * 5),
  [7],
  Array.from({ length: 70 }, (_, i) => 3 + i * 2),
  [5, 6, 7, 8],
];

const REQUEST: RolloutRequest = {
  prompts: PROMPTS,
  group: 5,
  maxTokens: 40,
  temperature: 1,
  endIds: Array.from({ length: 8 }, (_, i) => 11 * i),
  draw: (prompt, index) => ({ seed: [17, prompt], choice: index }),
};

const MODELS: readonly (readonly [file: string, kind: "plain" | "adapters"])[] = [
  ["llama_untied/gguf/model-F32", "plain"],
  ["qwen2/gguf/model-F32", "plain"],
  ["deepseek_v3/gguf/model-F32", "plain"],
  ["llama_untied/gguf/model-Q8_0", "adapters"],
  ["qwen2/gguf/model-Q8_0", "adapters"],
  ["deepseek_v3/gguf/model-Q8_0", "adapters"],
];

interface Opened extends TrainableModel {
  readonly adapters: Adapters;
  readonly ops: Ops;
}

async function open([file, kind]: (typeof MODELS)[number], threads?: number): Promise<Opened> {
  const backend = await createWasmBackend({ threads });
  const opened = await openTrainable(backend, fixturePath(`models/${file}.gguf`));
  if (kind === "plain") return { ...opened, adapters: new Map(), ops: backend.ops };
  const random = seededRandom(3);
  const { config } = opened.model;
  const targets = config.mixture ? ["q_a_proj", "o_proj", "experts"] : ["all-linear"];
  const begun = newAdapters(config, { rank: 4, alpha: 8, targets }, () => random(1000) / 1000);
  const values = begun.map((one) => ({ ...one, b: one.b.map(() => random(1000) / 5000 - 0.1) }));
  const adapters = await loadAdapters(backend, values);
  return { ...opened, adapters, ops: adaptedOps(backend, adapters) };
}

/** Log-probabilities of the completions by one pass over the whole sequences, on a tape where there are adapters. */
async function taped(
  { backend, model, adapters, parameters }: Opened,
  { prompts, group, temperature }: RolloutRequest,
  rollouts: readonly Rollout[],
  trace?: Trace,
): Promise<Float32Array[]> {
  assert(parameters.size > 0);
  using tape = new Tape(backend, adapterParameters(backend, adapters));
  const ops = adaptedOps(tape, adapters);
  const sequences = rollouts.map(({ ids }, i) => [
    ...Array.from(prompts[Math.floor(i / group)]),
    ...ids,
  ]);
  const inputs = sequences.map((ids) => ({ sequence: null, ids, firstPosition: 0 }));
  const { batch, ids } = makeBatch(inputs);
  const hidden = model.forward(ops, ids, batch, null, trace);
  const targets = Int32Array.from(sequences.flatMap(([first, ...rest]) => [...rest, first]));
  const logps = await tape.read(
    ops.tokenLogprobs(hidden, model.head, targets, temperature || 1),
  );
  return batch.segments.map(({ start, length }, i) =>
    logps.slice(start + length - rollouts[i].ids.length - 1, start + length - 1)
  );
}

for (const one of MODELS) {
  const [file, kind] = one;
  Deno.test(`rollouts: ${file}, ${kind}: log-probabilities have the bits of the tape`, async () => {
    const opened = await open(one);
    for (const temperature of [1, 0.7, 0]) {
      const request = { ...REQUEST, temperature, mostSequences: 7 };
      const rollouts = await rollOut(opened.model, opened.backend, opened.ops, request);
      assertEquals(rollouts.length, PROMPTS.length * request.group);
      const wanted = await taped(opened, request, rollouts);
      rollouts.forEach(({ logps }, i) => assertEquals(logps, wanted[i], `${temperature}, ${i}`));
      if (temperature > 0) assert(rollouts.some(({ isFinished }) => isFinished));
    }
    await opened.close();
  });

  Deno.test(`rollouts: ${file}, ${kind}: mates, sequences at once and threads change none`, async () => {
    const opened = await open(one, 2);
    const wanted = await rollOut(opened.model, opened.backend, opened.ops, REQUEST);
    for (const mostSequences of [1, 3, 20]) {
      const request = { ...REQUEST, mostSequences };
      assertEquals(await rollOut(opened.model, opened.backend, opened.ops, request), wanted);
    }
    const alone = {
      ...{ ...REQUEST, prompts: [PROMPTS[2]], group: 2 },
      draw: (_: number, index: number) => REQUEST.draw(2, index + 3),
    };
    assertEquals(
      await rollOut(opened.model, opened.backend, opened.ops, alone),
      wanted.slice(13, 15),
    );
    await opened.close();
    const single = await open(one, 1);
    assertEquals(await rollOut(single.model, single.backend, single.ops, REQUEST), wanted);
    await single.close();
  });
}

/** What a pass sees of routing: `layer: experts, weights` of each row. */
class RoutedRows {
  #rows: Promise<string[]>[] = [];

  constructor(private readonly ops: Ops) {}

  readonly trace: Trace = {
    routing: (layer, { experts, weights, used }) => {
      const read = Promise.all([this.ops.readInts(experts), this.ops.read(weights)]);
      this.#rows.push(read.then(([ids, shares]) =>
        Array.from(
          { length: ids.length / used },
          (_, row) =>
            `${layer}: ${ids.slice(row * used, (row + 1) * used)}, ` +
            `${shares.slice(row * used, (row + 1) * used)}`,
        )
      ));
    },
  };

  /** Of each row, its layers one after the other. */
  async taken(): Promise<string[]> {
    const layers = await Promise.all(this.#rows.splice(0));
    return layers[0].map((_, row) => layers.map((rows) => rows[row]).join("; "));
  }
}

Deno.test("rollouts: deepseek_v3: tokens go to the experts that they go to on the tape", async () => {
  for (const one of MODELS.filter(([file]) => file.startsWith("deepseek"))) {
    const opened = await open(one);
    const seen = new Map<CachedSequence, { ids: number; position: number; routing: string }[]>();
    const pending: Promise<void>[] = [];
    const watched: LanguageModel = {
      ...opened.model,
      forward(ops, ids, batch, cache) {
        const rows = new RoutedRows(ops);
        const out = opened.model.forward(ops, ids, batch, cache, rows.trace);
        const note = (routing: string[], { segments }: Batch) =>
          segments.forEach(({ sequence, start, length, firstPosition }) => {
            const own = seen.get(sequence!) ?? [];
            seen.set(sequence!, own);
            for (let i = 0; i < length; i++) {
              const position = firstPosition + i;
              own.push({ ids: ids[start + i], position, routing: routing[start + i] });
            }
          });
        pending.push(rows.taken().then((routing) => note(routing, batch)));
        return out;
      },
    };
    // Prompts of one token: nothing is shared, so each sequence is seen from its first token on.
    const request = { ...REQUEST, prompts: [[7], [8]], group: 3, endIds: [] };
    const rollouts = await rollOut(watched, opened.backend, opened.ops, request);
    await Promise.all(pending);
    const rows = new RoutedRows(opened.ops);
    await taped(opened, request, rollouts, rows.trace);
    const wanted = await rows.taken();
    const own = [...seen.values()].map((tokens) =>
      tokens.toSorted((a, b) => a.position - b.position)
    );
    let start = 0;
    for (const [i, { ids }] of rollouts.entries()) {
      const fed = [request.prompts[Math.floor(i / 3)][0], ...ids.slice(0, -1)];
      const tokens = own.find((tokens) => `${tokens.map(({ ids }) => ids)}` === `${fed}`);
      assertEquals(tokens?.map(({ routing }) => routing), wanted.slice(start, start + fed.length));
      start += fed.length + 1;
    }
    await opened.close();
  }
});

Deno.test("rollouts: the draws of model.complete with the same seed and the same options", async () => {
  const path = fixturePath("models/llama_untied/gguf/model-F32.gguf");
  const opened = await open(MODELS[0]);
  await using model = await loadModel(path, { kvType: "f32" });
  const maxTokens = 24;
  for (
    const shape of [
      { temperature: 1, topK: 0, topP: 1, minP: 0 },
      { temperature: 0.7, topK: 20, topP: 0.9, minP: 0.01 },
      { temperature: 0, topK: 0, topP: 1, minP: 0 },
    ]
  ) {
    const rollouts = await rollOut(opened.model, opened.backend, opened.ops, {
      ...shape,
      maxTokens,
      prompts: PROMPTS,
      group: 2,
      endIds: [],
      bannedIds: [...opened.tokenizer.endIds, 3, 40],
      draw: (prompt, index) => ({
        seed: [99, 0],
        choice: index,
        position: PROMPTS[prompt].length,
      }),
    });
    for (const [i, { ids, isFinished }] of rollouts.entries()) {
      const answer = await model.complete(PROMPTS[Math.floor(i / 2)], {
        ...shape,
        maxTokens,
        minTokens: maxTokens,
        seed: 99,
        choice: i % 2,
        logitBias: { 3: -Infinity, 40: -Infinity },
      });
      assertEquals([...ids], [...answer.ids]);
      assertEquals(isFinished, false);
    }
  }
  await opened.close();
});
