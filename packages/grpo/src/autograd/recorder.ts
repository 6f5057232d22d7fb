/** What backward rules and the tape know of each other. Types only. */
import type {
  Gradient,
  GradOps,
  Ops,
  Routing,
  RoutingRule,
  Tensor,
  Weight,
} from "@aha/runtime/training";

/** How a pass uses a matrix. Gradients of both uses of one matrix are kept apart, see `GradientPlaces`. */
export type WeightUse = "product" | "table";

/** Where gradients of parameters are added; nothing for what is not trained. */
export interface GradientPlaces {
  /**
   * Of a matrix. Where it is both table and head (tied embeddings) each use has a place of its own: one chain of adds in
   * the order of tokens for each, so that a batch in parts gives the bits of a batch in one.
   */
  ofWeight(weight: Weight, use: WeightUse): Gradient | undefined;
  ofVector(vector: Tensor): Gradient | undefined;
}

/** An op that has run, and how gradients go back through it. */
export interface Step {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Where it adds gradients of parameters. */
  readonly into: readonly (Gradient | undefined)[];
  /**
   * From the gradients of the outputs to those of the inputs, in order; undefined where one is not computed because nobody
   * wants it. Adds those of parameters.
   */
  backward(d: readonly Tensor[]): readonly (Tensor | undefined)[];
}

/** The tape as its rules see it. */
export interface Recorder {
  /** What computes. */
  readonly inner: Ops;
  readonly grad: GradOps;
  readonly places: GradientPlaces;
  /** Whether the gradient by a tensor is wanted: a parameter that is trained has gone into it. */
  wants(tensor: Tensor): boolean;
  /** Called with what a router did. */
  routed(x: Tensor, gate: Weight, rule: RoutingRule, routing: Routing): void;
  /** The gradient of a layer's scores that a loss has given, on the way back. */
  scoreGradient(layer: number): Tensor | undefined;
  /** Keeps the step if its gradients are wanted by anyone. */
  note(step: Step): void;
}

/** Runs an op of the tape's inner ops and notes how to go back. */
export type Rule<Name extends keyof Ops> = (
  tape: Recorder,
  ...args: Parameters<Ops[Name]>
) => ReturnType<Ops[Name]>;
