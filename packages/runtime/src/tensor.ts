/** Tensors and weights as the model sees them: shapes and types, no arithmetic, no idea of where the bytes are. */

/** Element type of an activation tensor. */
export type ElementType = "f32" | "i32";

/**
 * An immutable activation tensor, row-major. Written once by the op that made it and valid until its arena scope closes.
 * A backend stores what it needs in `storage`; nobody else looks there.
 */
export interface Tensor {
  readonly type: ElementType;
  /** Outermost dimension first: activations are `[rows, C]`. */
  readonly shape: readonly number[];
  readonly storage: unknown;
}

/** A weight matrix `[rows, cols]` (rows are outputs) in the packed layout of a backend. */
export interface Weight {
  readonly name: string;
  /** GGUF's name of the format it was stored in: `F32`, `Q4_0`, ... */
  readonly type: string;
  /** Output features N. */
  readonly rows: number;
  /** Input features K. */
  readonly cols: number;
  /** `[rows]`, added to the product where there is one. */
  readonly bias?: Tensor;
  readonly storage: unknown;
}

/** What is added to the products of each expert of a stack `[E * N, K]`: scale B A x, with a pair of matrices an expert. */
export interface BankAdapter {
  /** `[E * r, K]`. */
  readonly a: Weight;
  /** `[E * N, r]`. */
  readonly b: Weight;
  readonly scale: number;
}

/** The experts of one layer's mixture, stacked in ascending order: gate and up `[E * F, C]`, down `[E * C, F]`. */
export interface ExpertBank {
  /** Experts E. */
  readonly experts: number;
  readonly gate: Weight;
  readonly up: Weight;
  readonly down: Weight;
  /** Low-rank adapters of the stacks that have some. */
  readonly adapters?: { readonly [part in "gate" | "up" | "down"]?: BankAdapter };
}

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  let product = 1;
  for (const n of shape) product *= n;
  return product;
}
