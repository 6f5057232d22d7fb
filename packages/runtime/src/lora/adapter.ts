/** Low-rank adapters (LoRA, Hu et al. 2106.09685) as numbers and as loaded weights. Applies none. */
import type { Backend, ReadTensor } from "../ops.ts";
import type { Weight } from "../tensor.ts";

/** An adapter's numbers, arranged as the weight that it is for stands in a GGUF file: W + scale B A. */
export interface AdapterValues {
  /** GGUF's name of the weight. */
  readonly weight: string;
  /** N of the weight, or of one expert. */
  readonly rows: number;
  /** K. */
  readonly cols: number;
  /** r. */
  readonly rank: number;
  /** Factor on B A. */
  readonly scale: number;
  /** Experts of a bank, whose adapters stand one after the other; missing for one matrix. */
  readonly experts?: number;
  /** A `[r, K]`, `[E, r, K]` of a bank. */
  readonly a: Float32Array;
  /** B `[N, r]`, `[E, N, r]` of a bank. */
  readonly b: Float32Array;
}

/** An adapter of one weight on a backend. */
export interface Adapter {
  /** `[r, K]`. */
  readonly a: Weight;
  /** `[N, r]`. */
  readonly b: Weight;
  readonly scale: number;
  /** Share of the inputs that training drops. Default 0. */
  readonly dropout?: number;
}

/** Adapters by GGUF's name of the weight. */
export type Adapters = ReadonlyMap<string, Adapter>;

/** Puts adapters of single matrices where a backend can use them. */
export async function loadAdapters(
  backend: Pick<Backend, "loadWeight">,
  values: Iterable<AdapterValues>,
  dropout = 0,
): Promise<Adapters> {
  const adapters = new Map<string, Adapter>();
  for (const { weight, rows, cols, rank, scale, a, b, experts } of values) {
    if (experts !== undefined) {
      throw new TypeError(`The adapter of ${weight} is one of experts, which can only be merged`);
    }
    adapters.set(weight, {
      a: await loadMatrix(backend, `${weight}.lora_a`, a, rank, cols),
      b: await loadMatrix(backend, `${weight}.lora_b`, b, rows, rank),
      scale,
      ...(dropout > 0 ? { dropout } : {}),
    });
  }
  return adapters;
}

async function loadMatrix(
  backend: Pick<Backend, "loadWeight">,
  name: string,
  values: Float32Array,
  rows: number,
  cols: number,
): Promise<Weight> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const read: ReadTensor = (offset, into) => {
    into.set(bytes.subarray(offset, offset + into.length));
    return Promise.resolve();
  };
  return await backend.loadWeight({ name, type: "F32", rows, cols, sizeBytes: bytes.length }, read);
}
