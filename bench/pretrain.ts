/**
 * Pre-trains a model of the nano family and tells its losses, fifty steps at a time: how well it learns, not how fast the
 * kernels are. `ci` shapes learn CHAIN6 in one language, all in tags; the others the base data.
 * `deno run --allow-all bench/pretrain.ts SHAPE [--steps N] [--batch N] [--rate R] [--seed S] [--threads N] [--out FILE.gguf]`
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  exportBlob,
  fullPolicy,
  nanoTokenizer,
  newModel,
  PretrainTrainer,
  SHAPES,
} from "../packages/grpo/mod.ts";
import { nanoDocuments } from "../packages/grpo/src/tasks/mod.ts";
import { openTrainable } from "../packages/runtime/training.ts";

/** Steps of a line. */
const TOGETHER = 50;

const { values, positionals: [shape = "ci"] } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "1000" },
    batch: { type: "string", default: "32" },
    rate: { type: "string", default: "4e-3" },
    seed: { type: "string", default: "1" },
    threads: { type: "string", default: "2" },
    out: { type: "string" },
  },
});
if (!Object.hasOwn(SHAPES, shape)) {
  throw new RangeError(`${shape} is no shape, known are ${Object.keys(SHAPES).join(", ")}`);
}
const seed = Number(values.seed);
const documents = nanoDocuments(
  shape.startsWith("ci")
    ? { seed, tasks: { CHAIN6: 1 }, languages: ["en"], taggedShare: 1 }
    : { seed },
);
const made = await newModel(SHAPES[shape as keyof typeof SHAPES], nanoTokenizer(), seed, shape);
const model = await openTrainable(made, { threads: Number(values.threads) });
const trainer = new PretrainTrainer(fullPolicy(model), {
  steps: Number(values.steps),
  batchDocuments: Number(values.batch),
  learningRate: Number(values.rate),
}, documents.document);
let sums: Record<string, number> = {};
let count = 0;
while (trainer.steps < trainer.totalSteps) {
  const { step, metrics } = await trainer.step();
  count++;
  for (const [name, value] of Object.entries(metrics)) sums[name] = (sums[name] ?? 0) + value;
  if (step !== 1 && step % TOGETHER !== 0 && step !== trainer.totalSteps) continue;
  const shown = ["loss", "completion_loss", "mtp_loss", "moe/load_max", "grad_norm"]
    .filter((name) => sums[name] !== undefined)
    .map((name) => `${name} ${(sums[name] / count).toFixed(3)}`);
  const ms = (1000 * sums.step_time / count).toFixed(0);
  console.log(`${step}: ${shown.join(", ")}, ${ms} ms a step, ${metrics.num_tokens} tokens so far`);
  sums = {};
  count = 0;
}
if (values.out) {
  writeFileSync(values.out, new Uint8Array(await (await exportBlob(model)).arrayBuffer()));
}
trainer.free();
await model.close();
