/** An adapter of the joint matrix of keys and values, for files that hold the two apart. Moves numbers, merges nothing. */
import type { ModelConfig } from "../../model/config.ts";
import type { AdapterValues } from "../adapter.ts";

const JOINT = /\.attn_kv_b\.weight$/;

/**
 * Adapters of `attn_k_b` `[H, R, N]`, which is transposed, and of `attn_v_b` `[H, Dv, R]`, that change them as one of
 * `attn_kv_b` `[H * (N + Dv), R]` changes that; others as they are. Transposed, B takes A's place.
 */
export function splitJoint(
  adapter: AdapterValues,
  { heads, latent }: ModelConfig,
  has: (tensor: string) => boolean,
): AdapterValues[] {
  const { weight, rank: r, scale, a, b } = adapter;
  if (!latent || !JOINT.test(weight) || has(weight)) return [adapter];
  const { rank, nopeSize, valueSize } = latent;
  const keysA = new Float32Array(heads * r * nopeSize);
  const valuesA = new Float32Array(heads * r * rank);
  const keysB = new Float32Array(heads * rank * r);
  const valuesB = new Float32Array(heads * valueSize * r);
  const transposedA = transposed(a, rank);
  for (let head = 0; head < heads; head++) {
    const own = b.subarray(
      head * (nopeSize + valueSize) * r,
      (head + 1) * (nopeSize + valueSize) * r,
    );
    keysA.set(transposed(own.subarray(0, nopeSize * r), r), head * r * nopeSize);
    keysB.set(transposedA, head * rank * r);
    valuesA.set(a, head * r * rank);
    valuesB.set(own.subarray(nopeSize * r), head * valueSize * r);
  }
  const shared = { rank: r, scale, experts: heads };
  const named = (part: string) => weight.replace(JOINT, `.${part}.weight`);
  return [
    { ...shared, weight: named("attn_k_b"), rows: rank, cols: nopeSize, a: keysA, b: keysB },
    { ...shared, weight: named("attn_v_b"), rows: valueSize, cols: rank, a: valuesA, b: valuesB },
  ];
}

/** `[rows, cols]` -> `[cols, rows]`. */
function transposed(values: Float32Array, cols: number): Float32Array {
  const rows = values.length / cols;
  return Float32Array.from(
    values,
    (_, i) => values[(i % rows) * cols + Math.floor(i / rows)],
  );
}
