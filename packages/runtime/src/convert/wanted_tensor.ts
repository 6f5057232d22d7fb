/** What a model wants of a folder: a tensor's name there, its shape, and what becomes of it. Knows no model. */

/** How a tensor's rows come into the file; without one, as they are. */
export type Layout =
  /** Rows of each head are interleaved. */
  | { readonly kind: "interleaved"; readonly headSize: number }
  /** Stays in F32 whatever the others become: a rounding decides between experts. */
  | { readonly kind: "router" }
  /** One matrix of a stack; the stacks of a layer are placed where its last expert lies. */
  | {
    readonly kind: "expert";
    readonly layer: number;
    readonly index: number;
    readonly experts: number;
  }
  /** Of each head rows that make keys, then rows that make values; the keys' are transposed. */
  | {
    readonly kind: "keysAndValues";
    readonly valuesName: string;
    readonly nopeSize: number;
    readonly valueSize: number;
  };

/** A tensor that a model has. */
export interface WantedTensor {
  /** Its name in the GGUF file. */
  readonly name: string;
  /** Sizes as safetensors tells them, the slowest-moving first. */
  readonly shape: readonly number[];
  readonly layout?: Layout;
  /** Models of the kind do without it. */
  readonly isOptional?: boolean;
}

/** Every tensor of a model by its name in the folder. */
export class WantedTensors {
  readonly all = new Map<string, WantedTensor>();

  /** `model.layers.0.mlp.up_proj.weight` and the like. */
  add(from: string, name: string, shape: readonly number[], layout?: Layout): void {
    this.all.set(from, { name, shape, layout });
  }

  addOptional(from: string, name: string, shape: readonly number[]): void {
    this.all.set(from, { name, shape, isOptional: true });
  }
}
