/** Trains a reward model on preferences (Bradley & Terry 1952; Ouyang et al. 2203.02155, equation 1). Reads and writes no files. */
import { Tape } from "../autograd/tape.ts";
import { AdamWOptimizer, type AdamWOptions } from "../optim/adamw.ts";
import { NotFiniteError } from "../optim/not_finite.ts";
import { learningRateAt, type Schedule } from "../optim/schedule.ts";
import type { TrainingState } from "../run/checkpoint.ts";
import type { Sample } from "../run/step_record.ts";
import { FaultyBatchError, type Training, type TrainingSteps } from "../run/training.ts";
import { CounterRandom } from "../tasks/counter_random.ts";
import type { PreferencePair } from "./preference_pairs.ts";
import { answerSequence } from "./reward_model.ts";
import { type ScoredPolicy, scoresOver } from "./scored_policy.ts";

/** The values of a run; TRL's names. */
export interface RewardSettings {
  /** Pairs of a step. R1: 256. */
  readonly perDeviceTrainBatchSize: number;
  readonly numTrainEpochs: number;
  readonly optimizer: AdamWOptions;
  readonly schedule: Omit<Schedule, "totalSteps">;
  readonly seed: number;
  /** Pairs that are computed at once: less memory, the same bits. Default: all of a step. */
  readonly microBatchPairs?: number;
}

/** Stream of the order of pairs. */
const EPOCH_STREAM = 105;

/** Two answers as the model reads them. */
interface PairSequences {
  readonly pair: PreferencePair;
  readonly chosen: readonly number[];
  readonly rejected: readonly number[];
}

/** A reward model that learns: -log sigmoid(score of the better answer - score of the worse one). */
export class RewardTrainer implements Training {
  readonly optimizer: AdamWOptimizer;
  steps = 0;
  tokens = 0;
  readonly totalSteps: number;
  readonly #pairs: readonly PairSequences[];
  readonly #stepsPerEpoch: number;

  /** @throws {RangeError} for no pairs, and an answer that is longer than the context */
  constructor(
    readonly policy: ScoredPolicy,
    readonly settings: RewardSettings,
    pairs: readonly PreferencePair[],
  ) {
    if (pairs.length === 0) throw new RangeError("There are no pairs to learn from");
    const { model, parameters } = policy;
    this.#pairs = pairs.map((pair) => ({
      pair,
      chosen: answerSequence(model, pair.prompt, pair.chosen),
      rejected: answerSequence(model, pair.prompt, pair.rejected),
    }));
    const { perDeviceTrainBatchSize, numTrainEpochs, optimizer } = settings;
    this.optimizer = new AdamWOptimizer(model.backend.grad, parameters, optimizer);
    this.#stepsPerEpoch = Math.ceil(pairs.length / perDeviceTrainBatchSize);
    this.totalSteps = Math.ceil(this.#stepsPerEpoch * numTrainEpochs);
  }

  get state(): TrainingState {
    const { policy: { parameters, model }, optimizer } = this;
    return { grad: model.backend.grad, parameters, optimizer };
  }

  async next(signal?: AbortSignal): Promise<TrainingSteps> {
    const start = performance.now();
    const batch = this.#batch();
    const { schedule } = this.settings;
    const { totalSteps, steps } = this;
    const learningRate = learningRateAt({ ...schedule, totalSteps }, steps + 1);
    const { margins, gradientNorm } = await this.#learn(batch, learningRate, signal);
    this.steps++;
    this.tokens += batch.reduce((n, one) => n + one.chosen.length + one.rejected.length, 0);
    const metrics = {
      loss: mean(margins.map((margin) => Math.log1p(Math.exp(-margin)))),
      accuracy: mean(margins.map((margin) => margin > 0 ? 1 : margin === 0 ? 0.5 : 0)),
      margin: mean(margins),
      grad_norm: gradientNorm,
      learning_rate: learningRate,
      epoch: this.steps / this.#stepsPerEpoch,
      num_tokens: this.tokens,
      step_time: (performance.now() - start) / 1000,
    };
    return { records: [{ step: this.steps, totalSteps, metrics, samples: [] }] };
  }

  free(): void {
    this.optimizer.free();
  }

  #batch(): PairSequences[] {
    const { perDeviceTrainBatchSize: size, seed } = this.settings;
    const epoch = Math.floor(this.steps / this.#stepsPerEpoch);
    const order = new CounterRandom(seed, EPOCH_STREAM, epoch).shuffled(this.#pairs);
    const from = this.steps % this.#stepsPerEpoch * size;
    return order.slice(from, from + size);
  }

  async #learn(
    batch: readonly PairSequences[],
    learningRate: number,
    signal?: AbortSignal,
  ): Promise<{ margins: number[]; gradientNorm: number }> {
    try {
      const margins: number[] = [];
      const { microBatchPairs = batch.length } = this.settings;
      for (let start = 0; start < batch.length; start += microBatchPairs) {
        signal?.throwIfAborted();
        const part = batch.slice(start, start + microBatchPairs);
        margins.push(...await this.#addGradients(part, batch.length));
      }
      return { margins, ...this.optimizer.step(learningRate) };
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      const step = this.steps + 1;
      throw new FaultyBatchError(
        `Step ${step}: ${error.message}; lower learning_rate, or look at the pairs`,
        step,
        batch.map(({ pair }) => sampleOf(pair)),
        { cause: error },
      );
    }
  }

  /** Adds the gradients of some pairs of a step of `count`; gives how much better each chosen answer scores. */
  async #addGradients(part: readonly PairSequences[], count: number): Promise<number[]> {
    const { policy } = this;
    using tape = new Tape(policy.model.backend, policy.parameters, { checkpoint: true });
    const sequences = part.flatMap(({ chosen, rejected }) => [chosen, rejected]);
    const scores = scoresOver(tape, policy, sequences);
    const values = await tape.read(scores);
    const margins = part.map((_, i) => values[2 * i] - values[2 * i + 1]);
    if (!margins.every(Number.isFinite)) throw new NotFiniteError("A score is not finite");
    const slopes = margins.flatMap((margin) => {
      const slope = 1 / (1 + Math.exp(margin)) / count;
      return [-slope, slope];
    });
    tape.backward(scores, tape.tensor(Float32Array.from(slopes), scores.shape));
    return margins;
  }
}

function sampleOf({ prompt, chosen, rejected }: PreferencePair): Sample {
  const text = typeof prompt === "string" ? prompt : JSON.stringify(prompt);
  return {
    prompt: text,
    completion: `chosen: ${chosen}\nrejected: ${rejected}`,
    reward: null,
    rewards: {},
    tokens: 0,
    isFinished: true,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
