/** Supervised fine-tuning: the mean negative log-likelihood of what is to be learned, step by step. Reads and writes no files. */
import { AdamWOptimizer, type AdamWOptions } from "../optim/adamw.ts";
import { learningRateAt, type Schedule } from "../optim/schedule.ts";
import type { CountedSequence } from "../policy/counted_sequence.ts";
import type { Policy } from "../policy/policy.ts";
import { addGradients, type GradientPassOptions } from "../policy/token_pass.ts";
import type { TrainingState } from "../run/checkpoint.ts";
import { withBatch } from "../run/faulty_batch.ts";
import { hashOfValues, type RunInputs } from "../run/run_inputs.ts";
import type { Sample, StepRecord } from "../run/step_record.ts";
import type { Training, TrainingSteps } from "../run/training.ts";
import { CounterRandom } from "../tasks/counter_random.ts";
import { packedBatches } from "./packing.ts";

/** The values of a run; TRL's names. */
export interface SftSettings {
  /** Sequences of a batch, or packs of them. */
  readonly perDeviceTrainBatchSize: number;
  readonly gradientAccumulationSteps: number;
  /** Most tokens of a sequence, and of a pack. */
  readonly maxLength: number;
  /** Whether short sequences share a place of `maxLength` tokens. They never see each other. */
  readonly packing: boolean;
  readonly numTrainEpochs: number;
  /** Ends the run sooner, where it is above 0. */
  readonly maxSteps: number;
  readonly optimizer: AdamWOptions;
  readonly schedule: Omit<Schedule, "totalSteps">;
  readonly shuffleDataset: boolean;
  readonly seed: number;
  readonly microBatchTokens?: number;
  readonly gradientCheckpointing?: boolean;
}

/** Stream of the order of rows. */
const EPOCH_STREAM = 101;
/** Upper half of dropout's key, the steps apart. */
const DROPOUT_STREAM = 102;

/** A policy that learns from data. Everything that it will do follows from its parameters and `steps`. */
export class SftTrainer implements Training {
  readonly optimizer: AdamWOptimizer;
  /** Steps of the optimizer so far. */
  steps = 0;
  /** Tokens seen so far. */
  tokens = 0;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  #epoch = -1;
  #batches: readonly (readonly number[])[] = [];

  /** @throws {RangeError} for no data, and a sequence that is longer than `maxLength` */
  constructor(
    readonly policy: Policy,
    readonly settings: SftSettings,
    private readonly data: readonly CountedSequence[],
  ) {
    const { gradientAccumulationSteps, numTrainEpochs, maxSteps } = settings;
    checkData(data, settings.maxLength);
    this.optimizer = new AdamWOptimizer(
      policy.model.backend.grad,
      policy.parameters,
      settings.optimizer,
    );
    const perEpoch = Math.ceil(this.#batchesOf(0).length / gradientAccumulationSteps);
    const whole = Math.ceil(perEpoch * numTrainEpochs);
    this.totalSteps = maxSteps > 0 ? maxSteps : whole;
    this.#stepsPerEpoch = perEpoch;
  }

  readonly #stepsPerEpoch: number;

  get state(): TrainingState {
    const { policy: { parameters, model }, optimizer } = this;
    return { grad: model.backend.grad, parameters, optimizer };
  }

  async next(signal?: AbortSignal): Promise<TrainingSteps> {
    return { records: [await this.step(signal)] };
  }

  /** The first rows as they will be learned: what is not learned as the prompt, the rest as the completion. Trains nothing. */
  look(count: number): StepRecord {
    const { tokenizer } = this.policy.model;
    const samples = this.data.slice(0, count).map(({ ids, mask }): Sample => {
      const all = Array.from(ids);
      const learned = all.filter((_, i) => mask[i] === 1);
      return {
        prompt: tokenizer.decode(all.filter((_, i) => mask[i] !== 1)),
        completion: tokenizer.decode(learned),
        reward: null,
        rewards: {},
        tokens: learned.length,
        isFinished: true,
      };
    });
    const metrics = {
      num_sequences: this.data.length,
      num_tokens: this.data.reduce((sum, { ids }) => sum + ids.length, 0),
      "completions/tokens": this.data.reduce((sum, one) => sum + countOf(one), 0),
    };
    return { step: 0, totalSteps: this.totalSteps, metrics, samples };
  }

  /** One step of the optimizer: the loss is the mean over all tokens of its batches that count, as in transformers. */
  async step(signal?: AbortSignal): Promise<StepRecord> {
    const start = performance.now();
    const { gradientAccumulationSteps: accumulated, schedule } = this.settings;
    const epoch = Math.floor(this.steps / this.#stepsPerEpoch);
    const from = (this.steps % this.#stepsPerEpoch) * accumulated;
    const batches = this.#batchesOf(epoch).slice(from, from + accumulated);
    const sequences = batches.flat().map((i) => this.data[i]);
    const learningRate = learningRateAt(
      { ...schedule, totalSteps: this.totalSteps },
      this.steps + 1,
    );
    const { loss, counted, gradientNorm } = await this.#learn(sequences, learningRate, signal);
    this.steps++;
    this.tokens += sequences.reduce((sum, { ids }) => sum + ids.length, 0);
    return {
      step: this.steps,
      totalSteps: this.totalSteps,
      metrics: {
        loss,
        grad_norm: gradientNorm,
        learning_rate: learningRate,
        epoch: this.steps / this.#stepsPerEpoch,
        num_tokens: this.tokens,
        "completions/tokens": counted,
        step_time: (performance.now() - start) / 1000,
      },
      samples: [],
    };
  }

  inputs(): RunInputs {
    const rows = this.data.values().map(({ ids, mask }) => [Array.from(ids), Array.from(mask)]);
    return { data: hashOfValues(rows) };
  }

  free(): void {
    this.optimizer.free();
  }

  /** Numbers that are not finite end the step with what it was taken on. */
  async #learn(
    sequences: readonly CountedSequence[],
    learningRate: number,
    signal?: AbortSignal,
  ): Promise<{ loss: number; counted: number; gradientNorm: number }> {
    try {
      const done = await this.#addGradients(sequences, signal);
      return { ...done, ...this.optimizer.step(learningRate) };
    } catch (error) {
      throw withBatch(error, this.steps + 1, sequences, this.policy.model.tokenizer);
    }
  }

  async #addGradients(
    sequences: readonly CountedSequence[],
    signal?: AbortSignal,
  ): Promise<{ loss: number; counted: number }> {
    const counts = sequences.map(countOf);
    const counted = counts.reduce((sum, count) => sum + count, 0);
    if (counted === 0) {
      throw new RangeError("A batch has no tokens to learn: its completions are empty");
    }
    const slopes = counts.map((count) => new Float32Array(count).fill(-1 / counted));
    const { logps } = await addGradients(this.policy, sequences, slopes, this.#passOptions(signal));
    const sum = logps.reduce((all, row) => row.reduce((total, logp) => total + logp, all), 0);
    return { loss: -sum / counted, counted };
  }

  #passOptions(signal?: AbortSignal): GradientPassOptions {
    const { microBatchTokens, gradientCheckpointing: checkpoint, seed } = this.settings;
    const isDropping = [...this.policy.adapters.values()].some(({ dropout = 0 }) => dropout > 0);
    const dropout = isDropping
      ? { dropoutSeed: [seed, DROPOUT_STREAM * 2 ** 24 + this.steps] as const }
      : {};
    return { microBatchTokens, checkpoint, signal, ...dropout };
  }

  #batchesOf(epoch: number): readonly (readonly number[])[] {
    if (epoch === this.#epoch) return this.#batches;
    const { seed, shuffleDataset, packing, maxLength, perDeviceTrainBatchSize } = this.settings;
    const rows = this.data.map((_, i) => i);
    const order = shuffleDataset
      ? new CounterRandom(seed, EPOCH_STREAM, epoch).shuffled(rows)
      : rows;
    const lengths = order.map((i) => this.data[i].ids.length);
    const batches = packedBatches(lengths, {
      batchSize: perDeviceTrainBatchSize,
      packTokens: packing ? maxLength : undefined,
    });
    this.#epoch = epoch;
    this.#batches = batches.map((batch) => batch.map((i) => order[i]));
    return this.#batches;
  }
}

function checkData(data: readonly CountedSequence[], maxLength: number): void {
  if (data.length === 0) throw new RangeError("The data has no rows to learn from");
  const long = data.findIndex(({ ids }) => ids.length > maxLength);
  if (long < 0) return;
  throw new RangeError(
    `Sequence ${long} of the data has ${
      data[long].ids.length
    } tokens, more than max_length ${maxLength}: raise it, or leave the row out`,
  );
}

/** Tokens of a sequence that are learned. */
function countOf({ ids, mask }: CountedSequence): number {
  let count = 0;
  for (let i = 1; i < ids.length; i++) if (mask[i] === 1) count++;
  return count;
}
