/** A model with a head that gives a sequence one number: the state of its last token times a row of weights. Trains nothing. */
import { adaptedOps, type Adapters, loadAdapters } from "@aha/runtime/lora";
import {
  makeBatch,
  type Ops,
  type Tensor,
  type TrainableModel,
  type Weight,
} from "@aha/runtime/training";
import { ParameterSet } from "../parameters/parameter_set.ts";
import { adapterParameters, fullParameters } from "../parameters/trained_parameters.ts";
import { type LoraOptions, newAdapters } from "../parameters/new_adapters.ts";
import { CounterRandom } from "../tasks/counter_random.ts";

/** What of the model is trained besides the head. */
export type ScoredParts = "all" | "head" | LoraOptions;

/** A model that scores. */
export interface ScoredPolicy {
  readonly model: TrainableModel;
  readonly adapters: Adapters;
  /** `[1, C]`, zero at first. */
  readonly head: Weight;
  readonly parameters: ParameterSet;
  readonly parts: ScoredParts;
}

/** Name of the head among the parameters. */
const HEAD = "score.weight";
/** Stream of the numbers that adapters begin with. */
const ADAPTER_STREAM = 104;

/** Puts a head on a model; `seed` is of the adapters' first numbers. */
export async function scoredPolicy(
  model: TrainableModel,
  parts: ScoredParts,
  seed = 0,
): Promise<ScoredPolicy> {
  const { backend, model: { config } } = model;
  const head = backend.grad.createWeight(HEAD, 1, config.width, new Float32Array(config.width));
  const adapters = typeof parts === "string" ? new Map() : await begunAdapters(model, parts, seed);
  const inner = parts === "all"
    ? fullParameters(backend, model.model, withoutHead(model)).all
    : adapterParameters(backend, adapters).all;
  const named = new Map(inner.map(({ name, parameter }) => [name, parameter]));
  const parameters = new ParameterSet(backend.grad, named.set(HEAD, head));
  return { model, adapters, head, parameters, parts };
}

/** The model's own head gives no score; its table may be the same matrix. */
function withoutHead({ parameters, model: { head } }: TrainableModel) {
  const isTied = head.name === "token_embd.weight";
  return new Map([...parameters].filter(([name]) => isTied || name !== head.name));
}

async function begunAdapters(
  { backend, model }: TrainableModel,
  options: LoraOptions,
  seed: number,
): Promise<Adapters> {
  const random = new CounterRandom(seed, ADAPTER_STREAM, 0);
  return await loadAdapters(backend, newAdapters(model.config, options, () => random.fraction()));
}

/** Scores `[B, 1]` of sequences over ops of the backend, or over a tape. */
export function scoresOver(
  on: Parameters<typeof adaptedOps>[0],
  { model: { model }, adapters, head }: ScoredPolicy,
  sequences: readonly ArrayLike<number>[],
): Tensor {
  const ops: Ops = adapters.size > 0 ? adaptedOps(on, adapters) : on.ops;
  const inputs = sequences.map((ids) => ({ sequence: null, ids, firstPosition: 0 }));
  const { batch, ids } = makeBatch(inputs);
  const hidden = model.forward(ops, ids, batch, null);
  const last = batch.segments.map(({ start, length }) => start + length - 1);
  return ops.linear(ops.selectRows(hidden, last), head);
}
