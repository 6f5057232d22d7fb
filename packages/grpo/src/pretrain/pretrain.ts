/** Pre-training: steps over documents by number, with AdamW, a cosine and balanced experts. Generates and loads no documents. */
import type { CountedSequence } from "../policy/counted_sequence.ts";
import type { Policy } from "../policy/policy.ts";
import { AdamWOptimizer } from "../optim/adamw.ts";
import { learningRateAt, type Schedule } from "../optim/schedule.ts";
import type { TrainingState } from "../run/checkpoint.ts";
import { withBatch } from "../run/faulty_batch.ts";
import type { StepRecord } from "../run/step_record.ts";
import type { Training, TrainingSteps } from "../run/training.ts";
import { addDocumentGradients, type DocumentPass } from "./document_pass.ts";
import { loadSpread, moveRouterBiases, routerBiases } from "./expert_loads.ts";

/** A text to learn from. */
export interface TrainingDocument {
  readonly ids: ArrayLike<number>;
  /** Tokens at its beginning that are a prompt: they are learned too, and left out of `completion_loss`. Default 1, BOS. */
  readonly promptLength?: number;
}

/** Documents by number from 0, endless: the same number gives the same document, so that a run goes on where it was. */
export type DocumentStream = (index: number) => TrainingDocument;

/** Settings of pre-training; defaults are those of the nano study, DeepSeek-V3's (2412.19437, section 4.2) beside them. */
export interface PretrainConfig {
  readonly steps: number;
  /** Documents of a step. Default 128 (V3: 3,072 to 15,360 sequences of 4,096 tokens). */
  readonly batchDocuments?: number;
  /** Default 2e-3 (V3: 2.2e-4). */
  readonly learningRate?: number;
  /** Default 100 (V3: 2,000). */
  readonly warmupSteps?: number;
  /** Share of the rate that is left at the end of the cosine. Default 0.1 (V3: 0.1, then less). */
  readonly finalRate?: number;
  /** Beyond `steps` the schedule begins anew every so many steps (warm restarts, 1608.03983). Default: the last rate stays. */
  readonly restartSteps?: number;
  /** Defaults 0.9 and 0.95, as V3's. */
  readonly beta1?: number;
  readonly beta2?: number;
  /** Of matrices, the embedding apart. Default 0.1, as V3's. */
  readonly weightDecay?: number;
  /** Default 1, as V3's. */
  readonly maxGradientNorm?: number;
  /** Lambda of multi-token prediction. Default 0.3 as V3's where the model has the layer. */
  readonly multiTokenWeight?: number;
  /** Gamma, by which the routers' biases move in a step. Default 1e-3, as V3's. */
  readonly routerBiasSpeed?: number;
  /** Alpha of the sequence-wise balance loss. Default 0 (V3: 1e-4). */
  readonly balanceFactor?: number;
  /** Most tokens that are computed at once: less memory, the same bits. Default: a whole step. */
  readonly microBatchTokens?: number;
  /** Whether blocks run again on the way back: less memory, the same bits. Default false. */
  readonly checkpoint?: boolean;
}

/**
 * Trains all of a policy on documents: step s takes those from (s - 1) * batchDocuments on. Nothing is random, so the same
 * model and documents give the same bits, however often a run was interrupted between steps.
 * @throws {RangeError} for settings that cannot be
 * @throws {FaultyBatchError} where what the model computes is not finite
 *
 * @example
 * ```ts
 * import { fullPolicy, nanoTokenizer, newModel, pretrain, SHAPES } from "@aha/grpo";
 * import { nanoDocuments } from "@aha/grpo/tasks";
 * import { openTrainable } from "@aha/runtime/training";
 *
 * const model = await openTrainable(await newModel(SHAPES.ci, nanoTokenizer(), 1));
 * const policy = fullPolicy(model);
 * const { document } = nanoDocuments({ seed: 1 });
 * await pretrain(policy, { steps: 2, batchDocuments: 4 }, document, {
 *   onStep: ({ step, metrics }) => console.log(step, metrics.loss),
 * });
 * policy.parameters.free();
 * await model.close();
 * ```
 */
export async function pretrain(
  policy: Policy,
  config: PretrainConfig,
  documents: DocumentStream,
  options: {
    /** Told of each step; awaited, so that it may save. */
    readonly onStep?: (record: StepRecord) => void | Promise<void>;
    readonly signal?: AbortSignal;
  } = {},
): Promise<void> {
  const trainer = new PretrainTrainer(policy, config, documents);
  try {
    while (trainer.steps < config.steps) {
      const record = await trainer.step(options.signal);
      await options.onStep?.(record);
    }
  } finally {
    trainer.free();
  }
}

/** A policy in pre-training. Everything that it will do follows from its parameters, routers' biases, moments and `steps`. */
export class PretrainTrainer implements Training {
  readonly optimizer: AdamWOptimizer;
  /** Steps so far. */
  steps = 0;
  /** Tokens seen so far. */
  tokens = 0;

  /** @throws {RangeError} for settings that cannot be */
  constructor(
    readonly policy: Policy,
    readonly config: PretrainConfig,
    private readonly documents: DocumentStream,
  ) {
    const { beta1 = 0.9, beta2 = 0.95, weightDecay = 0.1, maxGradientNorm = 1 } = config;
    this.optimizer = new AdamWOptimizer(policy.model.backend.grad, policy.parameters, {
      ...{ beta1, beta2, weightDecay, maxGradientNorm },
      decaysVectors: false,
      undecayed: ["token_embd.weight"],
    });
  }

  get totalSteps(): number {
    return this.config.steps;
  }

  /** With the routers' biases, which no gradient changes and each step does. */
  get state(): TrainingState {
    const { policy: { parameters, model }, optimizer } = this;
    const steered = routerBiases(model);
    return { grad: model.backend.grad, parameters, optimizer, steered };
  }

  async next(signal?: AbortSignal): Promise<TrainingSteps> {
    return { records: [await this.step(signal)] };
  }

  /**
   * One step. Metrics: `loss` (all tokens), `completion_loss` (those after the prompts), `mtp_loss`, `aux_loss` (balance,
   * weighted), `grad_norm`, `learning_rate`, `num_tokens` so far, `moe/load_max` and `moe/load_min` (over their layer's
   * mean), `step_time` in seconds.
   */
  async step(signal?: AbortSignal): Promise<StepRecord> {
    const start = performance.now();
    const { policy, config } = this;
    const { batchDocuments = 128, routerBiasSpeed = 1e-3 } = config;
    const documents = documentsOf(this.documents, this.steps * batchDocuments, batchDocuments);
    const learningRate = pretrainRate(config, this.steps + 1);
    const { pass, gradientNorm } = await this.#learn(documents, learningRate, signal);
    if (routerBiasSpeed > 0) await moveRouterBiases(policy.model, pass.loads, routerBiasSpeed);
    this.steps++;
    this.tokens += documents.reduce((sum, { ids }) => sum + ids.length, 0);
    const metrics = {
      ...lossesOf(pass, documents),
      grad_norm: gradientNorm,
      learning_rate: learningRate,
      num_tokens: this.tokens,
      ...spreadOf(pass),
      step_time: (performance.now() - start) / 1000,
    };
    return { step: this.steps, totalSteps: config.steps, metrics, samples: [] };
  }

  async #learn(
    documents: readonly TrainingDocument[],
    learningRate: number,
    signal?: AbortSignal,
  ): Promise<{ readonly pass: DocumentPass; readonly gradientNorm: number }> {
    const { policy, config } = this;
    try {
      const pass = await addDocumentGradients(policy, documents.map(counted), {
        multiTokenWeight: config.multiTokenWeight ?? (policy.model.model.multiToken ? 0.3 : 0),
        balanceFactor: config.balanceFactor,
        microBatchTokens: config.microBatchTokens,
        checkpoint: config.checkpoint,
        signal,
      });
      return { pass, ...this.optimizer.step(learningRate) };
    } catch (error) {
      throw withBatch(error, this.steps + 1, documents, policy.model.tokenizer);
    }
  }

  /** Frees the moments; the policy's parameters stay. */
  free(): void {
    this.optimizer.free();
  }
}

/** The rate of a step, counted from 1. */
function pretrainRate(config: PretrainConfig, step: number): number {
  const { steps, restartSteps } = config;
  if (step <= steps || restartSteps === undefined) return learningRateAt(scheduleOf(config), step);
  const again = scheduleOf({ ...config, steps: restartSteps });
  return learningRateAt(again, (step - steps - 1) % restartSteps + 1);
}

function scheduleOf({ steps, learningRate, warmupSteps, finalRate }: PretrainConfig): Schedule {
  return {
    type: "cosine",
    learningRate: learningRate ?? 2e-3,
    warmupSteps: warmupSteps ?? 100,
    totalSteps: steps,
    finalRate: finalRate ?? 0.1,
  };
}

function documentsOf(
  stream: DocumentStream,
  first: number,
  count: number,
): readonly TrainingDocument[] {
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new RangeError(`batchDocuments is ${count}, it must be a whole number of at least 1`);
  }
  return Array.from({ length: count }, (_, i) => stream(first + i));
}

/** All tokens of a document count. */
function counted({ ids }: TrainingDocument): CountedSequence {
  return { ids, mask: new Uint8Array(ids.length).fill(1) };
}

function lossesOf(
  { loss, logps, multiTokenLoss, balanceLoss }: DocumentPass,
  documents: readonly TrainingDocument[],
): Record<string, number> {
  let [completion, tokens] = [0, 0];
  logps.forEach((own, i) => {
    const { promptLength = 1 } = documents[i];
    // Number 0 is that of the second token.
    for (let at = Math.max(0, promptLength - 1); at < own.length; at++) {
      completion -= own[at];
      tokens++;
    }
  });
  return {
    loss,
    ...(tokens > 0 ? { completion_loss: completion / tokens } : {}),
    ...(multiTokenLoss === undefined ? {} : { mtp_loss: multiTokenLoss }),
    ...(balanceLoss === undefined ? {} : { aux_loss: balanceLoss }),
  };
}

function spreadOf({ loads }: DocumentPass): Record<string, number> {
  const spread = loadSpread(loads);
  return spread ? { "moe/load_max": spread.most, "moe/load_min": spread.least } : {};
}
