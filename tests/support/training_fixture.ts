/** The reference files of supervised steps (`train/`): their batches as ragged rows, and the loss over a tape. No updates. */
import { Tape, type TapeOptions } from "../../packages/grpo/src/autograd/tape.ts";
import type { GradientPlaces } from "../../packages/grpo/src/autograd/recorder.ts";
import { makeBatch } from "../../packages/runtime/src/batch.ts";
import { adaptedOps, type Adapters } from "../../packages/runtime/src/lora/mod.ts";
import { fixtureJson } from "./fixture.ts";
import type { TrainableModel } from "./trainable_model.ts";

/** A padded batch of a reference file. */
export interface PaddedBatch {
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  /** -100 where there is no loss. */
  readonly labels: readonly (readonly number[])[];
}

/** Options of one run of AdamW. */
export interface AdamWRun {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: number;
  readonly clip: number;
  readonly warmup: number;
  readonly no_decay_1d: boolean;
  readonly losses_before_each_step_and_after: readonly number[];
  readonly grad_norms_before_clipping: readonly number[];
}

/** One run with adapters. */
export interface LoraRun {
  readonly r: number;
  readonly alpha: number;
  readonly lr: number;
  readonly target_modules: readonly string[];
  readonly rslora?: boolean;
  readonly loss: number;
  readonly losses_before_each_step_and_after: readonly number[];
  readonly grad_norms_before_clipping: readonly number[];
  readonly merged_loss: number;
  readonly adamw: Pick<AdamWRun, "betas" | "eps" | "weight_decay" | "clip">;
}

/** A reference file. */
export interface TrainingReference extends PaddedBatch {
  readonly loss: number;
  readonly total_grad_norm: number;
  readonly grad_norms: Readonly<Record<string, number>>;
  readonly adamw: readonly AdamWRun[];
  readonly lora: readonly LoraRun[];
}

/** The reference of a fixture's model. */
export function trainingReference(model: string): TrainingReference {
  return fixtureJson<TrainingReference>(`train/${model}/train.json`);
}

/** The rows whose next token counts, without padding. */
export interface CountedRows {
  readonly inputs: readonly (readonly number[])[];
  readonly rows: readonly number[];
  readonly targets: Int32Array;
}

/** Cuts the padding off. */
export function countedRows(batch: PaddedBatch): CountedRows {
  const rows: number[] = [];
  const targets: number[] = [];
  let start = 0;
  const inputs = batch.input_ids.map((ids, row) => {
    const own = ids.filter((_, at) => batch.attention_mask[row][at] === 1);
    batch.labels[row].forEach((label, at) => {
      if (at === 0 || label === -100) return;
      rows.push(start + at - 1);
      targets.push(label);
    });
    start += own.length;
    return own;
  });
  return { inputs, rows, targets: Int32Array.from(targets) };
}

/** What a pass runs with. */
export interface LossOptions extends TapeOptions {
  readonly adapters?: Adapters;
}

/** The mean negative log-likelihood of the counted tokens; adds its gradients to their places. */
export async function lossAndGradients(
  { backend, model }: TrainableModel,
  places: GradientPlaces,
  { inputs, rows, targets }: CountedRows,
  { adapters = new Map(), ...options }: LossOptions = {},
): Promise<number> {
  using tape = new Tape(backend, places, options);
  const { batch, ids } = makeBatch(
    inputs.map((ids) => ({ sequence: null, ids, firstPosition: 0 })),
  );
  const hidden = model.forward(adaptedOps(tape, adapters), ids, batch, null);
  const counted = tape.selectRows(hidden, rows);
  const logps = tape.tokenLogprobs(counted, model.head, targets, 1);
  const count = rows.length;
  tape.backward(logps, tape.tensor(new Float32Array(count).fill(-1 / count), [count]));
  const values = await tape.read(logps);
  return -values.reduce((sum, logp) => sum + logp, 0) / count;
}
