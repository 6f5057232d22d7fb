/** Runs the reference files' optimizer steps, and compares parameters and gradients with theirs tensor by tensor. */
import { assert, assertAlmostEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { AdamWOptimizer } from "../../packages/grpo/src/optim/adamw.ts";
import { learningRateAt } from "../../packages/grpo/src/optim/schedule.ts";
import type { ParameterSet } from "../../packages/grpo/src/parameters/parameter_set.ts";
import { fixturePath } from "./fixture.ts";
import { readSafetensors } from "./safetensors.ts";
import { relativeError, TRAINING_CHANGE, TRAINING_LOSS_RELATIVE } from "./tolerance.ts";
import type { AdamWRun } from "./training_fixture.ts";
import type { TrainableModel } from "./trainable_model.ts";

/** Numbers by a tensor's name. */
export type NamedNumbers = ReadonlyMap<string, Float32Array>;

/** The tensors of a reference file; none where the small copy of the references does not have it. */
export function storedTensors(path: string): NamedNumbers {
  const whole = fixturePath(path);
  if (!existsSync(whole)) return new Map();
  return new Map([...readSafetensors(whole)].map(([name, { values }]) => [name, values]));
}

/** Fails unless a number is within a share of another. */
export function assertRelative(
  actual: number,
  wanted: number,
  tolerance: number,
  what: string,
): void {
  const limit = tolerance * Math.abs(wanted);
  assertAlmostEquals(actual, wanted, limit, `${what} is ${actual}, not ${wanted}`);
}

/** What steps need. */
export interface StepsToRun {
  readonly run:
    & Pick<AdamWRun, "lr" | "losses_before_each_step_and_after" | "grad_norms_before_clipping">
    & Pick<AdamWRun, "betas" | "eps" | "weight_decay" | "clip">
    & Partial<Pick<AdamWRun, "warmup" | "no_decay_1d">>;
  /** Of losses and norms, where rounding grows faster than elsewhere. Default `TRAINING_LOSS_RELATIVE`. */
  readonly tolerance?: number;
  /** Adds gradients and gives the loss. */
  readonly pass: () => Promise<number>;
  /** Told after each step, counted from 1. */
  readonly onStep: (step: number) => Promise<void>;
}

/** Five steps over the same batch, losses and norms held against the reference's. */
export async function runSteps(
  { backend: { grad } }: TrainableModel,
  set: ParameterSet,
  { run, tolerance = TRAINING_LOSS_RELATIVE, pass, onStep }: StepsToRun,
): Promise<void> {
  const optimizer = new AdamWOptimizer(grad, set, {
    beta1: run.betas[0],
    beta2: run.betas[1],
    epsilon: run.eps,
    weightDecay: run.weight_decay,
    decaysVectors: !run.no_decay_1d,
    maxGradientNorm: run.clip,
  });
  const schedule = { type: "constant", learningRate: run.lr, warmupSteps: run.warmup } as const;
  const near = (actual: number, wanted: number, what: string) =>
    assertRelative(actual, wanted, tolerance, what);
  set.zero();
  for (const [i, norm] of run.grad_norms_before_clipping.entries()) {
    near(await pass(), run.losses_before_each_step_and_after[i], `loss before step ${i + 1}`);
    const { gradientNorm } = optimizer.step(learningRateAt(schedule, i + 1));
    near(gradientNorm, norm, `norm of step ${i + 1}`);
    await onStep(i + 1);
  }
  const last = run.losses_before_each_step_and_after[run.grad_norms_before_clipping.length];
  near(await pass(), last, "loss after the last step");
  set.zero();
  optimizer.free();
}

/** All that the reference has are there, each within the tolerance: ||a - b|| / ||b||. */
export function assertTensors(
  actual: NamedNumbers,
  wanted: NamedNumbers,
  tolerance: number,
  what: string,
): void {
  for (const [name, values] of wanted) {
    const own = actual.get(name);
    assert(own, `${what} has no ${name}`);
    const error = relativeError(own, values);
    assert(error <= tolerance, `${what}: ${name} is off by ${error}`);
  }
}

/** Of a tensor's largest gradient: what is smaller is rounding, and so is the sign that AdamW's first steps follow. */
const NO_GRADIENT = 1e-6;

/**
 * The same of how parameters have changed since they were `before`. With the `gradients` of the first step, entries that
 * have next to none are left out (the biases of keys: scores hardly depend on them).
 */
export function assertChanges(
  actual: NamedNumbers,
  wanted: NamedNumbers,
  before: NamedNumbers,
  what: string,
  gradients?: NamedNumbers,
): void {
  const changes = (all: NamedNumbers): NamedNumbers =>
    new Map(
      [...wanted.keys()].map((name) => {
        const start = before.get(name) ?? [];
        const slopes = gradients?.get(name);
        const least = NO_GRADIENT * (slopes?.reduce((a, b) => Math.max(a, Math.abs(b)), 0) ?? 0);
        const counts = (i: number) => !slopes || Math.abs(slopes[i]) > least;
        const now = all.get(name) ?? new Float32Array();
        return [name, now.map((value, i) => counts(i) ? value - start[i] : 0)];
      }),
    );
  assertTensors(changes(actual), changes(wanted), TRAINING_CHANGE, what);
}

/** Every trained parameter's values by GGUF's names. */
export async function parameterValues(
  { backend: { grad } }: TrainableModel,
  set: ParameterSet,
): Promise<NamedNumbers> {
  const values = new Map<string, Float32Array>();
  for (const { name, parameter } of set.all) {
    values.set(name, await grad.readParameter(parameter));
  }
  return values;
}

/** Their gradients. */
export async function gradientValues(
  { backend: { grad } }: TrainableModel,
  set: ParameterSet,
): Promise<NamedNumbers> {
  set.settle();
  const values = new Map<string, Float32Array>();
  for (const { name, gradient } of set.all) {
    values.set(name, await grad.readGradient(gradient));
  }
  return values;
}
