/** Tests of pre-training: it learns, goes on from a checkpoint bit by bit, balances experts, and settings that cannot be. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertSameBytes } from "../../../../tests/support/same_bytes.ts";
import { openTrainable } from "@aha/runtime/training";
import { nanoTokenizer } from "../model/nano_tokenizer.ts";
import { newModel } from "../model/new_model.ts";
import { type ModelShape, SHAPES } from "../model/shape.ts";
import { fullPolicy, type Policy } from "../policy/policy.ts";
import { openCheckpoint, writeCheckpoint } from "../run/checkpoint.ts";
import { FaultyBatchError } from "../run/training.ts";
import { nanoDocuments } from "../tasks/nano/documents.ts";
import { pretrain, type PretrainConfig, PretrainTrainer } from "./pretrain.ts";

const { document } = nanoDocuments({ seed: 9 });
const CONFIG = { steps: 6, batchDocuments: 6, warmupSteps: 2, learningRate: 4e-3 };

async function newPolicy(shape: ModelShape): Promise<Policy> {
  return fullPolicy(
    await openTrainable(await newModel(shape, nanoTokenizer(), 9), { threads: 1 }),
  );
}

async function valuesOf({ model: { backend: { grad }, parameters } }: Policy) {
  const values = new Map<string, Float32Array>();
  for (const [name, parameter] of parameters) {
    values.set(name, await grad.readParameter(parameter));
  }
  return values;
}

Deno.test("pretrain: learns what follows what, and tells of each step", async () => {
  const policy = await newPolicy(SHAPES.student);
  const metrics: Readonly<Record<string, number>>[] = [];
  const config = { steps: 30, batchDocuments: 8, warmupSteps: 10, learningRate: 1e-2 };
  await pretrain(policy, config, document, {
    onStep: (record) => void metrics.push(record.metrics),
  });
  assertEquals(metrics.length, 30);
  assert(metrics[0].loss > 3.9, `it begins at ${metrics[0].loss}`);
  assert(metrics[29].loss < 2.7, `it ends at ${metrics[29].loss}`);
  assertAlmostEquals(metrics[0].learning_rate, 1e-3, 1e-12);
  assertAlmostEquals(metrics[29].learning_rate, 1e-3, 2e-4);
  const tokens = Array.from({ length: 16 }, (_, i) => document(i).ids.length);
  assertEquals(metrics[1].num_tokens, tokens.reduce((sum, length) => sum + length));
  assertEquals(Object.keys(metrics[0]), [
    ...["loss", "completion_loss", "grad_norm", "learning_rate", "num_tokens", "step_time"],
  ]);
  await policy.model.close();
});

Deno.test("pretrain: the completion's loss is that of the tokens behind the prompt", async () => {
  const policy = await newPolicy(SHAPES.student);
  const losses = async (promptLength: number) => {
    const trainer = new PretrainTrainer(
      policy,
      { steps: 1, learningRate: 0, batchDocuments: 3 },
      (i) => ({
        ids: document(i).ids,
        promptLength,
      }),
    );
    const { metrics } = await trainer.step();
    trainer.free();
    return metrics;
  };
  const { loss, completion_loss: all } = await losses(1);
  assertAlmostEquals(all, loss, 1e-9);
  assert(Math.abs((await losses(8)).completion_loss - loss) > 1e-4);
  assertEquals((await losses(1000)).completion_loss, undefined);
  await policy.model.close();
});

Deno.test("pretrain: a mixture has losses and loads, and goes on from a checkpoint bit by bit", async () => {
  const config: PretrainConfig = { ...CONFIG, balanceFactor: 1e-3, routerBiasSpeed: 0.01 };
  const [whole, cut] = [await newPolicy(SHAPES.ci_v3), await newPolicy(SHAPES.ci_v3)];
  const last: Readonly<Record<string, number>>[] = [];
  await pretrain(whole, config, document, { onStep: ({ metrics }) => void last.push(metrics) });
  for (const name of ["mtp_loss", "aux_loss", "moe/load_max", "moe/load_min"]) {
    assert(Number.isFinite(last[5][name]), name);
  }
  const trainer = new PretrainTrainer(cut, config, document);
  for (let i = 0; i < 3; i++) await trainer.step();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  await writeCheckpoint(
    { write: (bytes) => void parts.push(new Uint8Array(bytes)) },
    trainer.state,
    { steps: trainer.steps, tokens: trainer.tokens, numericsId: "", config: "{}", inputs: {} },
  );
  const again = await newPolicy(SHAPES.ci_v3);
  const resumed = new PretrainTrainer(again, { ...config, microBatchTokens: 50 }, document);
  const checkpoint = await openCheckpoint(new Blob(parts));
  await checkpoint.restore(resumed.state);
  resumed.steps = checkpoint.facts.steps;
  while (resumed.steps < config.steps) await resumed.step();
  const values = await valuesOf(again);
  for (const [name, wanted] of await valuesOf(whole)) {
    assertSameBytes(values.get(name) ?? [], wanted, name);
  }
  assert(values.get("blk.2.exp_probs_b.bias")!.some((bias) => bias !== 0));
  await Promise.all([whole, cut, again].map(({ model }) => model.close()));
});

Deno.test("pretrain: the embedding does not decay, matrices do", async () => {
  const policy = await newPolicy(SHAPES.student);
  const before = await valuesOf(policy);
  // Documents of two words: no row of the table but theirs has a gradient.
  const config = {
    steps: 1,
    batchDocuments: 1,
    warmupSteps: 0,
    learningRate: 0.1,
    weightDecay: 0.5,
  };
  await pretrain(policy, config, () => ({ ids: [1, 7] }));
  const after = await valuesOf(policy);
  const table = "token_embd.weight";
  assertSameBytes(after.get(table)!.subarray(64), before.get(table)!.subarray(64), table);
  assert(
    after.get(table)!.subarray(32, 64).some((value, i) => value !== before.get(table)![32 + i]),
  );
  // Over one key the scores do not matter: queries have no gradient and only decay.
  const queries = "blk.0.attn_q.weight";
  after.get(queries)!.forEach((value, i) =>
    assertAlmostEquals(value, before.get(queries)![i] * 0.95, 1e-7)
  );
  await policy.model.close();
});

Deno.test("pretrain: settings that cannot be, and an end from outside", async () => {
  const policy = await newPolicy(SHAPES.student);
  const run = (config: Partial<PretrainConfig>, signal?: AbortSignal) => () =>
    pretrain(policy, { ...CONFIG, ...config }, document, { signal });
  await assertRejects(run({ batchDocuments: 0 }), RangeError, "batchDocuments is 0");
  await assertRejects(run({ learningRate: NaN }), RangeError, "learningRate is NaN");
  await assertRejects(run({ finalRate: 2 }), RangeError, "finalRate is 2");
  const error = await assertRejects(
    run({ learningRate: 1e38, warmupSteps: 0 }),
    FaultyBatchError,
    "Step 2: The model computed a log-probability that is not finite in document 0",
  );
  assertEquals((error as FaultyBatchError).samples.length, CONFIG.batchDocuments);
  await assertRejects(run({}, AbortSignal.abort(new Error("enough"))), Error, "enough");
  assertThrows(
    () => new PretrainTrainer(policy, { ...CONFIG, beta2: 1 }, document),
    RangeError,
    "beta2 is 1",
  );
  await policy.model.close();
});
