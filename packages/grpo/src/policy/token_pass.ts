/** Log-probabilities of tokens of many sequences, and the way back from them, part by part. Knows no loss. */
import { adaptedOps } from "@aha/runtime/lora";
import {
  type LanguageModel,
  type ModelConfig,
  type Ops,
  type Tensor,
  yieldToHost,
} from "@aha/runtime/training";
import { Tape, type TapeOptions } from "../autograd/tape.ts";
import { NotFiniteError } from "../optim/not_finite.ts";
import type { CountedSequence } from "./counted_sequence.ts";
import { type MicroBatch, microBatches } from "./micro_batches.ts";
import type { Network, Policy } from "./policy.ts";
import { sharedRowOps } from "./shared_row_ops.ts";

/** How a pass runs. */
export interface PassOptions {
  /** Log-probabilities are those of softmax(logits / temperature). Default 1. */
  readonly temperature?: number;
  /**
   * Most tokens that are computed at once, in whole sequences: less memory, the same bits; below `UNIT_TOKENS` those of
   * one prompt still stay together. Default: all of them.
   */
  readonly microBatchTokens?: number;
  /** Whether entropies are computed too. Default false. */
  readonly withEntropies?: boolean;
  readonly signal?: AbortSignal;
}

/** How a pass with gradients runs. */
export interface GradientPassOptions extends PassOptions, Pick<TapeOptions, "checkpoint"> {
  /** Philox key of the adapters' dropout in this step; without one nothing is dropped. */
  readonly dropoutSeed?: readonly [low: number, high: number];
}

/** Of each sequence its counted tokens, in order. */
export interface TokenValues {
  /** Natural logarithms. */
  readonly logps: readonly Float32Array[];
  /** In nats. */
  readonly entropies?: readonly Float32Array[];
}

/**
 * Log-probabilities of the counted tokens of sequences: the bits of sampling and of `addGradients`.
 * @throws {NotFiniteError} naming the sequence where the model computes what is not finite
 * @throws {RangeError} for a sequence beyond the model's context, ids outside its vocabulary, temperatures that cannot be
 */
export async function tokenLogps(
  { model, backend, ops }: Network,
  sequences: readonly CountedSequence[],
  options: PassOptions = {},
): Promise<TokenValues> {
  const { temperature = 1, microBatchTokens, withEntropies = false, signal } = options;
  checkSequences(sequences, model.config, temperature);
  const values = new Values(sequences.length, withEntropies);
  for (const part of microBatches(sequences, microBatchTokens)) {
    await yieldToHost(signal);
    const run = () => {
      using _pass = ops.scope();
      const hidden = countedStates(ops, statesOf(model, ops, part), part);
      if (!hidden) return [];
      const logps = ops.tokenLogprobs(hidden, model.head, part.targets, temperature);
      const entropies = withEntropies && backend.grad.entropies(hidden, model.head, temperature);
      return [ops.read(logps), ...(entropies ? [ops.read(entropies)] : [])];
    };
    values.add(part, await Promise.all(run()));
  }
  return values.all;
}

/**
 * Adds to the places of a policy's parameters the gradients of a loss of which `slopes` are the derivatives by the counted
 * tokens' log-probabilities, sequence by sequence; gives these log-probabilities.
 * @throws {NotFiniteError} naming the sequence where the model computes what is not finite
 * @throws {RangeError} for slopes that do not fit, and a sequence that is longer than the model's context
 */
export async function addGradients(
  { model: { model, backend }, parameters, adapters }: Policy,
  sequences: readonly CountedSequence[],
  slopes: readonly ArrayLike<number>[],
  options: GradientPassOptions = {},
): Promise<TokenValues> {
  const { temperature = 1, microBatchTokens, withEntropies = false, checkpoint, signal } = options;
  checkSequences(sequences, model.config, temperature);
  const values = new Values(sequences.length, withEntropies);
  for (const part of microBatches(sequences, microBatchTokens)) {
    await yieldToHost(signal);
    using tape = new Tape(backend, parameters, { checkpoint });
    const { dropoutSeed: seed } = options;
    const dropout = seed && { seed, rows: part.rowNumbers };
    const ops = adapters.size > 0 ? adaptedOps(tape, adapters, dropout) : tape;
    const hidden = countedStates(tape, statesOf(model, ops, part), part);
    if (!hidden) {
      values.add(part, []);
      continue;
    }
    const logps = tape.tokenLogprobs(hidden, model.head, part.targets, temperature);
    const d = Float32Array.from(slopesOf(part, slopes));
    await tape.backwardInTurns(logps, tape.tensor(d, [d.length]), signal);
    const entropies = withEntropies && backend.grad.entropies(hidden, model.head, temperature);
    values.add(part, [await tape.read(logps), ...(entropies ? [await tape.read(entropies)] : [])]);
  }
  return values.all;
}

/** The state of each row. */
function statesOf(model: LanguageModel, ops: Ops, { ids, batch, shared }: MicroBatch): Tensor {
  return model.forward(shared ? sharedRowOps(ops, shared) : ops, ids, batch, null);
}

/** The states after which a token counts; none where none does. */
function countedStates(ops: Ops, hidden: Tensor, { rows, batch }: MicroBatch): Tensor | undefined {
  if (rows.length === 0) return undefined;
  const isAll = rows.length === batch.rows && rows.every((row, i) => row === i);
  return isAll ? hidden : ops.selectRows(hidden, rows);
}

function slopesOf(
  { counts, sequences }: MicroBatch,
  slopes: readonly ArrayLike<number>[],
): number[] {
  return counts.flatMap((count, i) => {
    const own = slopes[sequences[i]];
    if (own?.length === count) return Array.from(own);
    throw new RangeError(
      `Sequence ${sequences[i]} has ${own?.length ?? "no"} slopes for ${count} tokens that count`,
    );
  });
}

function checkSequences(
  sequences: readonly CountedSequence[],
  { contextTokens, vocabulary }: ModelConfig,
  temperature: number,
): void {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new RangeError(`temperature is ${temperature}, it must be a number above 0`);
  }
  sequences.forEach(({ ids }, at) => {
    if (ids.length > contextTokens) {
      throw new RangeError(
        `Sequence ${at} has ${ids.length} tokens, the model's context ${contextTokens}: shorten it`,
      );
    }
    for (let i = 0; i < ids.length; i++) {
      if (Number.isInteger(ids[i]) && ids[i] >= 0 && ids[i] < vocabulary) continue;
      throw new RangeError(
        `Sequence ${at} has the token id ${ids[i]}, outside of the vocabulary of ${vocabulary}`,
      );
    }
  });
}

/** Gathers the numbers of parts by sequence. */
class Values {
  readonly #logps: Float32Array[];
  readonly #entropies?: Float32Array[];

  constructor(sequences: number, withEntropies: boolean) {
    this.#logps = new Array(sequences);
    if (withEntropies) this.#entropies = new Array(sequences);
  }

  get all(): TokenValues {
    const entropies = this.#entropies;
    return { logps: this.#logps, ...(entropies ? { entropies } : {}) };
  }

  /** Numbers of all counted tokens of a part: log-probabilities, and entropies where they are wanted. */
  add({ counts, sequences }: MicroBatch, [logps, entropies]: readonly Float32Array[]): void {
    let start = 0;
    counts.forEach((count, i) => {
      const end = start + count;
      const own = logps?.slice(start, end) ?? new Float32Array();
      if (!own.every(Number.isFinite)) throw notFinite(sequences[i]);
      this.#logps[sequences[i]] = own;
      if (this.#entropies) {
        this.#entropies[sequences[i]] = entropies?.slice(start, end) ?? new Float32Array();
      }
      start = end;
    });
  }
}

function notFinite(sequence: number): NotFiniteError {
  return new NotFiniteError(
    `The model computed a log-probability that is not finite in sequence ${sequence}: weights or adapters have numbers that are not, or too large ones`,
  );
}
