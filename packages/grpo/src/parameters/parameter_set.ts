/** The matrices and vectors that are trained, each with the place of its gradient. Chooses none and changes none. */
import type { Gradient, GradOps, NamedParameters, Tensor, Weight } from "@aha/runtime/training";
import type { GradientPlaces, WeightUse } from "../autograd/recorder.ts";

/** One of them. */
export interface TrainedParameter {
  readonly name: string;
  readonly parameter: Weight | Tensor;
  readonly gradient: Gradient;
}

/** Names of parameters that a pass uses more than once, and so with places of gradients for each use. */
export interface SharedParameters {
  /** The matrix that is both table and head. */
  readonly tied?: string;
  /** What the layer for multi-token prediction takes from the model. */
  readonly guessed?: { readonly table?: string; readonly head?: string; readonly norm?: string };
}

/** A further place for the gradients of a parameter. */
interface FurtherPlace {
  readonly name: string;
  readonly gradient: Gradient;
}

/** Parameters by name, with their gradients; free it when training ends. */
export class ParameterSet implements GradientPlaces {
  /** The places while multi-token prediction runs: own ones for what it shares with the model. */
  readonly whileGuessing: GradientPlaces;
  readonly #grad: GradOps;
  readonly #byName = new Map<string, TrainedParameter>();
  readonly #byVector = new Map<Tensor, TrainedParameter>();
  /** By use and name. */
  readonly #further = new Map<string, FurtherPlace>();

  constructor(grad: GradOps, parameters: NamedParameters, shared: SharedParameters = {}) {
    this.#grad = grad;
    for (const [name, parameter] of parameters) {
      const one = { name, parameter, gradient: grad.createGradient(parameter) };
      this.#byName.set(name, one);
      if (!isMatrix(parameter)) this.#byVector.set(parameter, one);
    }
    const { tied, guessed = {} } = shared;
    this.#addPlace("table", tied);
    this.#addPlace("guess table", guessed.table);
    this.#addPlace("guess product", guessed.head);
    this.#addPlace("guess norm", guessed.norm);
    const own = (use: string, name = "") => this.#further.get(`${use} ${name}`)?.gradient;
    this.whileGuessing = {
      ofWeight: (weight, use) => own(`guess ${use}`, weight.name) ?? this.ofWeight(weight, use),
      ofVector: (vector) =>
        own("guess norm", this.#byVector.get(vector)?.name) ?? this.ofVector(vector),
    };
  }

  /** In the order that they were given in. */
  get all(): readonly TrainedParameter[] {
    return [...this.#byName.values()];
  }

  ofWeight({ name }: Weight, use: WeightUse): Gradient | undefined {
    return this.#further.get(`${use} ${name}`)?.gradient ?? this.#byName.get(name)?.gradient;
  }

  ofVector(vector: Tensor): Gradient | undefined {
    return this.#byVector.get(vector)?.gradient;
  }

  /** Puts the gradients of all uses of a parameter together; call it when a step's gradients are complete. Further calls change nothing. */
  settle(): void {
    for (const { name, gradient } of this.#further.values()) {
      const whole = this.#byName.get(name) as TrainedParameter;
      this.#grad.addGradient(gradient, whole.gradient);
      this.#grad.zeroGradient(gradient);
    }
  }

  /** Makes all gradients zero. */
  zero(): void {
    for (const gradient of this.#gradients()) this.#grad.zeroGradient(gradient);
  }

  free(): void {
    for (const gradient of this.#gradients()) this.#grad.freeGradient(gradient);
    this.#byName.clear();
    this.#byVector.clear();
    this.#further.clear();
  }

  #addPlace(use: string, name = ""): void {
    const parameter = this.#byName.get(name)?.parameter;
    if (!parameter) return;
    const gradient = this.#grad.createGradient(parameter);
    this.#further.set(`${use} ${name}`, { name, gradient });
  }

  #gradients(): Gradient[] {
    return [...this.#byName.values(), ...this.#further.values()].map(({ gradient }) => gradient);
  }
}

/** Whether it is a matrix, and no vector. */
export function isMatrix(parameter: Weight | Tensor): parameter is Weight {
  return "rows" in parameter;
}
