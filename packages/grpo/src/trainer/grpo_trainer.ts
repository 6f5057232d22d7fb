/** Group relative policy optimization (DeepSeekMath 2402.03300, Algorithm 1; DeepSeek-R1 2501.12948). Reads and writes no files. */
import { ModelError, type Rollout, RolloutEngine } from "@aha/runtime/training";
import { groupAdvantages, type Reward as Total } from "../advantage.ts";
import { AdamWOptimizer } from "../optim/adamw.ts";
import { learningRateAt } from "../optim/schedule.ts";
import { type Policy, policyNetwork } from "../policy/policy.ts";
import { UNIT_TOKENS } from "../policy/prompt_units.ts";
import { addGradients, tokenLogps } from "../policy/token_pass.ts";
import type { Reward } from "../rewards/reward.ts";
import { type RewardProblem, type RewardScores, scoreRewards } from "../rewards/score_rewards.ts";
import { NotFiniteError } from "../optim/not_finite.ts";
import type { TrainingState } from "../run/checkpoint.ts";
import type { RunInputs } from "../run/run_inputs.ts";
import type { Sample, StepRecord } from "../run/step_record.ts";
import { FaultyBatchError, type Training, type TrainingSteps } from "../run/training.ts";
import { CounterRandom } from "../tasks/counter_random.ts";
import type { Task } from "../tasks/task.ts";
import { type Experience, sequenceOf } from "./experience.ts";
import { begunAnswer, type Question, Questions } from "./questions.ts";
import { type Reference, referenceOf } from "./reference.ts";
import { roundMetrics } from "./round_metrics.ts";
import { type GrpoSettings, roundSizes } from "./settings.ts";
import { updatePolicy } from "./update.ts";

/** Stream of the order of completions; each iteration over a round has one of its own from here on. */
const BATCH_STREAM = 200;
/** Rows whose prompts are looked at for the longest one: of a task without end, and the most of one with an end. */
const RESERVED_ROWS = { endless: 256, most: 10_000 };

/** What is trained, on what, judged by what. */
export interface GrpoParts {
  readonly policy: Policy;
  readonly task: Task;
  readonly rewards: readonly Reward[];
}

/** A policy in training. Everything that it will do follows from its parameters, `steps` and `tokens`. */
export class GrpoTrainer implements Training {
  readonly optimizer: AdamWOptimizer;
  /** Steps of the optimizer so far. */
  steps = 0;
  /** Tokens of prompts and completions so far. */
  tokens = 0;
  readonly #questions: Questions;
  readonly #engine: RolloutEngine;

  private constructor(
    readonly policy: Policy,
    readonly settings: GrpoSettings,
    private readonly rewards: readonly Reward[],
    task: Task,
    /** Missing where `beta` is 0. */
    readonly reference?: Reference,
  ) {
    const { model } = policy;
    const { maxCompletionLength } = settings.objective;
    this.optimizer = new AdamWOptimizer(
      model.backend.grad,
      policy.parameters,
      settings.optimizer,
    );
    this.#questions = new Questions(task, model.tokenizer, {
      seed: settings.seed,
      shuffles: settings.shuffleDataset,
      mostTokens: model.model.config.contextTokens - maxCompletionLength,
    });
    const { ops, backend } = policyNetwork(policy);
    this.#engine = new RolloutEngine(model.model, backend, ops);
  }

  /**
   * Begins a training.
   * @throws {RangeError} for settings that do not fit each other, and a task without rows
   */
  static async create(
    { policy, task, rewards }: GrpoParts,
    settings: GrpoSettings,
  ): Promise<GrpoTrainer> {
    roundSizes(settings);
    const { contextTokens } = policy.model.model.config;
    const { maxCompletionLength } = settings.objective;
    if (maxCompletionLength >= contextTokens) {
      throw new RangeError(
        `max_completion_length is ${maxCompletionLength}, but the model's context has ${contextTokens} tokens, prompt and completion together: lower it`,
      );
    }
    if (rewards.length === 0) throw new RangeError("rewards is empty, it must name a reward");
    if ([...policy.adapters.values()].some(({ dropout = 0 }) => dropout > 0)) {
      throw new RangeError(
        "lora_dropout is above 0: the pass that trains would not be the one that samples, set it to 0",
      );
    }
    const reference = settings.objective.beta > 0
      ? await referenceOf(policy, settings.refModelSyncSteps > 0)
      : undefined;
    return new GrpoTrainer(policy, settings, rewards, task, reference);
  }

  get totalSteps(): number {
    return this.settings.maxSteps;
  }

  get state(): TrainingState {
    const { policy: { parameters, model }, optimizer, reference } = this;
    return { grad: model.backend.grad, parameters, optimizer, reference: reference?.parameters };
  }

  /**
   * Takes the memory of the largest round there can be, rollouts and the pass that trains, so that a run which begins does
   * not end for want of it.
   * @throws {MemoryError} where there is not so much
   */
  async reserve(signal?: AbortSignal): Promise<void> {
    const {
      policy,
      settings: { objective, numGenerations, perDeviceTrainBatchSize, microBatchTokens = Infinity },
    } = this;
    const { length: taskRows } = this.#questions;
    const rows = Number.isFinite(taskRows)
      ? Math.min(taskRows, RESERVED_ROWS.most)
      : RESERVED_ROWS.endless;
    const prompts = this.#questions.take(0, rows).map(({ ids }) => ids.length);
    const longest = Math.max(...prompts);
    this.#engine.reserve({
      prompts: Array(roundSizes(this.settings).prompts).fill(new Int32Array(longest)),
      group: numGenerations,
      maxTokens: objective.maxCompletionLength,
    });
    const length = longest + objective.maxCompletionLength;
    const most = perDeviceTrainBatchSize * objective.gradientAccumulationSteps;
    const tokens = Math.max(microBatchTokens, UNIT_TOKENS);
    const count = Math.max(1, Math.min(most, Math.floor(tokens / (length - 1))));
    const sequence = { ids: new Int32Array(length), mask: new Uint8Array(length).fill(1) };
    const slopes = new Float32Array(length - 1);
    await addGradients(policy, Array(count).fill(sequence), Array(count).fill(slopes), {
      ...this.#passOptions(signal),
      withEntropies: true,
    });
    policy.parameters.zero();
  }

  /** Questions that the next round asks. */
  nextQuestions(): Question[] {
    const { prompts, steps } = roundSizes(this.settings);
    return this.#questions.take(this.steps / steps * prompts, prompts);
  }

  /**
   * One round of Algorithm 1, lines 4 to 11: samples groups of completions, judges them, trains on them. A signal ends it
   * before its first step of the optimizer; after that all of its steps are taken: nothing can be saved between them.
   */
  async next(signal?: AbortSignal): Promise<TrainingSteps> {
    const start = performance.now();
    const { experiences, samples, metrics, warnings } = await this.#round(signal);
    const tokens = experiences.reduce((n, one) => n + one.question.ids.length + one.ids.length, 0);
    try {
      const records: StepRecord[] = [];
      for await (const step of this.#updates(experiences, start, signal)) {
        if (records.length === 0) this.tokens += tokens;
        records.push({
          step: this.steps,
          totalSteps: this.totalSteps,
          metrics: { ...step, ...metrics, ...this.#epoch(), num_tokens: this.tokens },
          samples: records.length === 0 ? samples : [],
        });
      }
      return { records, warnings };
    } catch (error) {
      throw error instanceof NotFiniteError ? this.#faulty(error, samples) : error;
    }
  }

  /** The next round's completions with their rewards; nothing is trained. */
  async look(signal?: AbortSignal): Promise<{ record: StepRecord; warnings: string[] }> {
    const { samples, metrics, warnings } = await this.#round(signal);
    return { record: { step: 0, totalSteps: this.totalSteps, metrics, samples }, warnings };
  }

  /** Lines 5 to 9: the next round's completions with all that their loss needs, and what is told of them. */
  async #round(signal?: AbortSignal) {
    const questions = this.nextQuestions();
    const rollouts = await this.sample(questions, signal).catch((error) => {
      throw error instanceof ModelError ? this.#faulty(error, this.#asked(questions)) : error;
    });
    const judged = await this.judge(questions, rollouts, signal);
    const experiences = await this.#experiences(questions, rollouts, judged.totals, signal);
    return {
      experiences,
      samples: this.#samples(experiences, judged),
      metrics: this.#roundMetrics(rollouts, judged),
      warnings: judged.problems.map(problemText),
    };
  }

  /** G completions of each question, drawn by (seed, step, question, index, position). */
  async sample(questions: readonly Question[], signal?: AbortSignal): Promise<Rollout[]> {
    const { settings: { objective, numGenerations, seed }, steps } = this;
    return await this.#engine.rollOut({
      prompts: questions.map(({ ids }) => ids),
      group: numGenerations,
      maxTokens: objective.maxCompletionLength,
      temperature: objective.temperature,
      endIds: this.policy.model.tokenizer.endIds,
      draw: (prompt, index) => ({
        seed: [seed, steps],
        choice: prompt * numGenerations + index,
      }),
      signal,
    });
  }

  /** Rewards of completions. */
  async judge(
    questions: readonly Question[],
    rollouts: readonly Rollout[],
    signal?: AbortSignal,
  ): Promise<RewardScores> {
    const { policy: { model: { tokenizer } }, settings: { numGenerations } } = this;
    const asked = rollouts.map((_, i) => questions[Math.floor(i / numGenerations)]);
    const columns = new Set(questions.flatMap(({ row }) => Object.keys(row)));
    columns.delete("prompt");
    return await scoreRewards(this.rewards, {
      prompts: asked.map(({ row }) => row.prompt),
      completions: rollouts.map(({ ids, isFinished }, i) => {
        const own = isFinished ? ids.subarray(0, -1) : ids;
        return begunAnswer(tokenizer.decode(asked[i].ids)) + tokenizer.decode(own);
      }),
      completionIds: rollouts.map(({ ids }) => ids),
      isFinished: rollouts.map(({ isFinished }) => isFinished),
      columns: Object.fromEntries(
        [...columns].map((name) => [name, asked.map(({ row }) => row[name] ?? null)]),
      ),
      step: this.steps + 1,
    }, { signal });
  }

  inputs(): RunInputs {
    return this.#questions.hashes;
  }

  free(): void {
    this.optimizer.free();
  }

  async #experiences(
    questions: readonly Question[],
    rollouts: readonly Rollout[],
    totals: readonly Total[],
    signal?: AbortSignal,
  ): Promise<Experience[]> {
    const { settings: { numGenerations, scaleRewards, maskTruncatedCompletions } } = this;
    const advantages = groupAdvantages(totals, { groupSize: numGenerations, scale: scaleRewards });
    const experiences = rollouts.map(({ ids, logps, isFinished }, i) => ({
      question: questions[Math.floor(i / numGenerations)],
      ids,
      oldLogps: logps,
      isFinished,
      advantage: advantages[i],
      counts: isFinished || !maskTruncatedCompletions,
    }));
    if (!this.reference) return experiences;
    const { logps } = await tokenLogps(
      this.reference.network,
      experiences.map(sequenceOf),
      { ...this.#passOptions(signal), temperature: this.settings.objective.temperature },
    );
    return experiences.map((one, i) => ({ ...one, refLogps: logps[i] }));
  }

  /** Times through the task's rows so far, where there is an end of them. */
  #epoch(): { readonly epoch?: number } {
    const { prompts, steps } = roundSizes(this.settings);
    const { length } = this.#questions;
    return Number.isFinite(length) ? { epoch: this.steps / steps * prompts / length } : {};
  }

  /** Line 10: the steps of the optimizer on a round's completions, `numIterations` times each. */
  async *#updates(
    experiences: readonly Experience[],
    start: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Readonly<Record<string, number>>> {
    const { objective, numIterations, schedule, maxSteps } = this.settings;
    const counted = experiences.filter(({ counts }) => counts);
    const numItemsInBatch = counted.reduce((sum, { ids }) => sum + ids.length, 0);
    const firstStep = this.steps;
    let before = start;
    for (let iteration = 0; iteration < numIterations; iteration++) {
      for (const batches of this.#batches(experiences, firstStep, iteration)) {
        if (this.steps >= maxSteps) return;
        const metrics = await updatePolicy(this.policy, this.optimizer, objective, {
          batches,
          isOnPolicy: this.steps === firstStep,
          numItemsInBatch,
          learningRate: learningRateAt(schedule, this.steps + 1),
        }, this.#passOptions(this.steps === firstStep ? signal : undefined));
        this.steps++;
        await this.#refreshReference();
        const now = performance.now();
        yield { ...metrics, step_time: (now - before) / 1000 };
        before = now;
      }
    }
  }

  /** The batches of each step: completions in an order of the iteration's own. */
  #batches(
    experiences: readonly Experience[],
    firstStep: number,
    iteration: number,
  ): Experience[][][] {
    const { seed, perDeviceTrainBatchSize, objective } = this.settings;
    const random = new CounterRandom(seed, BATCH_STREAM + iteration, firstStep);
    const batches = slices(random.shuffled(experiences), perDeviceTrainBatchSize);
    return slices(batches, objective.gradientAccumulationSteps);
  }

  async #refreshReference(): Promise<void> {
    const { refModelSyncSteps } = this.settings;
    if (refModelSyncSteps > 0 && this.steps % refModelSyncSteps === 0) {
      await this.reference?.refresh();
    }
  }

  #passOptions(signal?: AbortSignal) {
    const { microBatchTokens, gradientCheckpointing: checkpoint } = this.settings;
    return { microBatchTokens, checkpoint, signal };
  }

  #roundMetrics(rollouts: readonly Rollout[], { totals, values }: RewardScores) {
    return roundMetrics({
      groupSize: this.settings.numGenerations,
      lengths: rollouts.map(({ ids }) => ids.length),
      isFinished: rollouts.map(({ isFinished }) => isFinished),
      rewards: totals,
      byFunction: values,
    });
  }

  #faulty(cause: Error, samples: readonly Sample[]): FaultyBatchError {
    const step = this.steps + 1;
    const advice = "lower learning_rate or max_grad_norm, or go on from an earlier checkpoint";
    const message = `Step ${step}: ${cause.message}; ${advice}`;
    return new FaultyBatchError(message, step, samples, { cause });
  }

  /** Questions to which there are no completions. */
  #asked(questions: readonly Question[]): Sample[] {
    const { tokenizer } = this.policy.model;
    return questions.map(({ ids }) => ({
      prompt: tokenizer.decode(ids),
      completion: "",
      reward: null,
      rewards: {},
      tokens: 0,
      isFinished: false,
    }));
  }

  #samples(experiences: readonly Experience[], { totals, values }: RewardScores): Sample[] {
    const { tokenizer } = this.policy.model;
    return experiences.map(({ question, ids, isFinished, advantage }, i) => ({
      prompt: tokenizer.decode(question.ids),
      completion: tokenizer.decode(ids),
      reward: totals[i],
      rewards: Object.fromEntries(
        Object.entries(values).map(([name, column]) => [name, column[i]]),
      ),
      advantage,
      tokens: ids.length,
      isFinished,
    }));
  }
}

function problemText({ reward, message }: RewardProblem): string {
  return `reward ${reward}: ${message}`;
}

function slices<T>(values: readonly T[], size: number): T[][] {
  return Array.from(
    { length: Math.ceil(values.length / size) },
    (_, i) => values.slice(i * size, (i + 1) * size),
  );
}
