/** The matrices and vectors that are trained, each with the place of its gradient. Chooses none and changes none. */
import type { Gradient, GradOps, NamedParameters, Tensor, Weight } from "@aha/runtime/training";
import type { GradientPlaces, WeightUse } from "../autograd/recorder.ts";

/** One of them. */
export interface TrainedParameter {
  readonly name: string;
  readonly parameter: Weight | Tensor;
  readonly gradient: Gradient;
}

/** Parameters by name, with their gradients; free it when training ends. */
export class ParameterSet implements GradientPlaces {
  readonly #grad: GradOps;
  readonly #byName = new Map<string, TrainedParameter>();
  readonly #byVector = new Map<Tensor, TrainedParameter>();
  /** Of the embedding where it is the head as well. */
  readonly #tied?: { readonly name: string; readonly gradient: Gradient };

  /** `tied` names the matrix that is both table and head. */
  constructor(grad: GradOps, parameters: NamedParameters, tied?: string) {
    this.#grad = grad;
    for (const [name, parameter] of parameters) {
      const one = { name, parameter, gradient: grad.createGradient(parameter) };
      this.#byName.set(name, one);
      if (!isMatrix(parameter)) this.#byVector.set(parameter, one);
    }
    const shared = tied === undefined ? undefined : parameters.get(tied);
    if (tied !== undefined && shared) {
      this.#tied = { name: tied, gradient: grad.createGradient(shared) };
    }
  }

  /** In the order that they were given in. */
  get all(): readonly TrainedParameter[] {
    return [...this.#byName.values()];
  }

  ofWeight({ name }: Weight, use: WeightUse): Gradient | undefined {
    if (use === "table" && name === this.#tied?.name) return this.#tied.gradient;
    return this.#byName.get(name)?.gradient;
  }

  ofVector(vector: Tensor): Gradient | undefined {
    return this.#byVector.get(vector)?.gradient;
  }

  /** Puts both gradients of a tied embedding together; call it when a step's gradients are complete. Further calls change nothing. */
  settle(): void {
    if (!this.#tied) return;
    const { name, gradient } = this.#tied;
    const whole = this.#byName.get(name) as TrainedParameter;
    this.#grad.addGradient(gradient, whole.gradient);
    this.#grad.zeroGradient(gradient);
  }

  /** Makes all gradients zero. */
  zero(): void {
    for (const gradient of this.#gradients()) this.#grad.zeroGradient(gradient);
  }

  free(): void {
    for (const gradient of this.#gradients()) this.#grad.freeGradient(gradient);
    this.#byName.clear();
    this.#byVector.clear();
  }

  #gradients(): Gradient[] {
    const own = [...this.#byName.values()].map(({ gradient }) => gradient);
    return this.#tied ? [...own, this.#tied.gradient] : own;
  }
}

/** Whether it is a matrix, and no vector. */
export function isMatrix(parameter: Weight | Tensor): parameter is Weight {
  return "rows" in parameter;
}
