/** What the wasm backend keeps in `storage` of tensors and weights: addresses. The only place that looks inside them. */
import type { ElementType, Tensor, Weight } from "../../tensor.ts";

/** A tensor whose numbers stand row-major at an address. */
export interface WasmTensor extends Tensor {
  readonly storage: { readonly address: number };
}

/** A weight in packed tiles at an address. */
export interface WasmWeight extends Weight {
  readonly storage: {
    readonly address: number;
    /** The format's number in GGUF. */
    readonly typeId: number;
    /** Products with it take activations in int8 blocks. */
    readonly quantized: boolean;
    /** Parts of equally many rows of which each begins a tile, where it is more than one. */
    readonly parts?: number;
  };
}

/** Wraps an address. */
export function wasmTensor(
  type: ElementType,
  shape: readonly number[],
  address: number,
): WasmTensor {
  return { type, shape, storage: { address } };
}

/** The address of a tensor that this backend made. */
export function addressOf(tensor: Tensor): number {
  return (tensor as WasmTensor).storage.address;
}

/** The storage of a weight that this backend loaded. */
export function packedOf(weight: Weight): WasmWeight["storage"] {
  return (weight as WasmWeight).storage;
}
