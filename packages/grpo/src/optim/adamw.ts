/** AdamW (Loshchilov & Hutter 1711.05101) over a set of parameters, as torch.optim.AdamW. Chooses no rate. */
import type { Gradient, GradOps } from "@aha/runtime/training";
import { isMatrix, type ParameterSet, type TrainedParameter } from "../parameters/parameter_set.ts";
import { clipFactor, gradientNorm } from "./clip.ts";
import { NotFiniteError } from "./not_finite.ts";

/** What stays the same from step to step; defaults are PyTorch's. */
export interface AdamWOptions {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0.01. */
  readonly weightDecay?: number;
  /** Whether gains and biases decay too. Default true, as in PyTorch; transformers' trainers decay matrices only. */
  readonly decaysVectors?: boolean;
  /** Names of parameters that never decay, such as the embedding. Default: none. */
  readonly undecayed?: readonly string[];
  /** Largest norm of all gradients together; larger ones are scaled down to it. Default: none. */
  readonly maxGradientNorm?: number;
}

/** What a step has done. */
export interface OptimizerStep {
  /** Norm of all gradients before clipping. */
  readonly gradientNorm: number;
}

/** A parameter's moments. */
interface Moments {
  readonly first: Gradient;
  readonly second: Gradient;
}

/** Moments of all parameters, and the number of steps. */
export class AdamWOptimizer {
  readonly #moments = new Map<string, Moments>();
  #steps = 0;

  /** @throws {RangeError} for numbers that cannot be */
  constructor(
    private readonly grad: GradOps,
    private readonly parameters: ParameterSet,
    private readonly options: AdamWOptions = {},
  ) {
    checkOptions(options);
    for (const { name, parameter } of parameters.all) {
      const [first, second] = [grad.createGradient(parameter), grad.createGradient(parameter)];
      this.#moments.set(name, { first, second });
    }
  }

  /** Steps taken. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Changes each parameter by its gradient and makes the gradients zero.
   * @throws {NotFiniteError} if the norm of the gradients is not finite; nothing is changed then
   * @throws {RangeError} for a rate that cannot be
   */
  step(learningRate: number): OptimizerStep {
    const { parameters, grad } = this;
    if (!(learningRate >= 0 && Number.isFinite(learningRate))) {
      throw new RangeError(`learningRate is ${learningRate}, it must be a number of at least 0`);
    }
    const norm = gradientNorm(grad, parameters);
    if (!Number.isFinite(norm)) {
      throw new NotFiniteError(`The gradient of ${this.#firstNotFinite()} is not finite`);
    }
    const { maxGradientNorm = 0 } = this.options;
    this.#steps++;
    for (const one of parameters.all) {
      this.#change(one, learningRate, clipFactor(norm, maxGradientNorm));
    }
    parameters.zero();
    return { gradientNorm: norm };
  }

  /** The numbers that it goes on with, by name: `PARAMETER.first` and `.second`, the moments. */
  get moments(): ReadonlyMap<string, Gradient> {
    return new Map(
      [...this.#moments].flatMap(([name, { first, second }]) => [
        [`${name}.first`, first],
        [`${name}.second`, second],
      ]),
    );
  }

  /**
   * Goes on from a checkpoint, to the bit: the moments that `moments` named, and the steps taken then.
   * @throws {RangeError} if one is missing or has another size
   */
  restore(steps: number, moments: ReadonlyMap<string, Float32Array>): void {
    for (const [name, gradient] of this.moments) {
      const values = moments.get(name);
      if (!values) throw new RangeError(`The moment ${name} is missing`);
      this.grad.writeGradient(gradient, values);
    }
    this.#steps = steps;
  }

  free(): void {
    for (const { first, second } of this.#moments.values()) {
      this.grad.freeGradient(first);
      this.grad.freeGradient(second);
    }
    this.#moments.clear();
  }

  #change(
    { name, parameter, gradient }: TrainedParameter,
    learningRate: number,
    gradientScale: number,
  ): void {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = this.options;
    const { decaysVectors = true, undecayed = [] } = this.options;
    const decays = (isMatrix(parameter) || decaysVectors) && !undecayed.includes(name);
    const { first, second } = this.#moments.get(name) as Moments;
    this.grad.adamW(parameter, gradient, first, second, {
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay: decays ? weightDecay : 0,
      step: this.#steps,
      gradientScale,
    });
  }

  #firstNotFinite(): string {
    const isFinite = ({ gradient }: TrainedParameter) =>
      Number.isFinite(this.grad.squaredNorm(gradient));
    return this.parameters.all.find((one) => !isFinite(one))?.name ?? "all parameters together";
  }
}

function checkOptions(options: AdamWOptions): void {
  const { beta1 = 0, beta2 = 0, epsilon = 0, weightDecay = 0, maxGradientNorm = 0 } = options;
  for (const [name, value] of Object.entries({ beta1, beta2 })) {
    if (value >= 0 && value < 1) continue;
    throw new RangeError(`${name} is ${value}, it must be at least 0 and below 1`);
  }
  for (const [name, value] of Object.entries({ epsilon, weightDecay, maxGradientNorm })) {
    if (value >= 0) continue;
    throw new RangeError(`${name} is ${value}, it must be at least 0`);
  }
}
