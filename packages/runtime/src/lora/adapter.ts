/** Low-rank adapters (LoRA, Hu et al. 2106.09685) as numbers and as loaded weights. Applies none. */
import type { Backend, ReadTensor } from "../ops.ts";
import type { BankAdapter, Weight } from "../tensor.ts";

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

/** An adapter of one weight, or of a bank's stack, on a backend. */
export interface Adapter extends BankAdapter {
  /** Share of the inputs that training drops. Default 0. */
  readonly dropout?: number;
}

/** Adapters by GGUF's name of the weight. */
export type Adapters = ReadonlyMap<string, Adapter>;

/** Puts adapters where a backend can use them. Those that share the numbers of A share the weight. */
export async function loadAdapters(
  backend: Pick<Backend, "loadWeight">,
  values: Iterable<AdapterValues>,
  dropout = 0,
): Promise<Adapters> {
  const adapters = new Map<string, Adapter>();
  const shared = new Map<Float32Array, Weight>();
  for (const { weight, rows, cols, rank, scale, a, b, experts } of values) {
    const load = (side: string, numbers: Float32Array, ownRows: number, ownCols: number) =>
      loadMatrix(backend, `${weight}.lora_${side}`, numbers, ownRows, ownCols, experts);
    const loadedA = shared.get(a) ?? await load("a", a, rank, cols);
    shared.set(a, loadedA);
    adapters.set(weight, {
      a: loadedA,
      b: await load("b", b, rows, rank),
      scale,
      ...(dropout > 0 && experts === undefined ? { dropout } : {}),
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
  experts?: number,
): Promise<Weight> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const read: ReadTensor = (offset, into) => {
    into.set(bytes.subarray(offset, offset + into.length));
    return Promise.resolve();
  };
  const whole = { name, type: "F32", rows: rows * (experts ?? 1), cols, experts };
  return await backend.loadWeight({ ...whole, sizeBytes: bytes.length }, read);
}
