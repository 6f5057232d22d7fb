/** The matrices that make keys and values out of latents, in the arrangement that a form of attention wants. Older files
 * hold one joint matrix `[H, N + Dv, R]`, newer ones keys `[H, R, N]` and values `[H, Dv, R]`; what is not in the file is
 * dequantized and rearranged once. Multiplies nothing. */
import type { Weight } from "../../tensor.ts";
import type { ModelConfig } from "../config.ts";
import type { LatentConfig } from "../config/latent_config.ts";
import type { Place } from "../block.ts";

const JOINT = "attn_kv_b.weight";
const KEYS = "attn_k_b.weight";
const VALUES = "attn_v_b.weight";

/** Of the absorbed form: for each head, keys `[R, N]` and values `[Dv, R]`. */
export async function loadSplitWeights(
  { source, name, config: { heads } }: Place,
  { rank, nopeSize, valueSize }: LatentConfig,
): Promise<{ keys: Weight; values: Weight }> {
  const [keyName, valueName, joint] = [KEYS, VALUES, JOINT].map((part) => `${name}.${part}`);
  if (!source.has(joint)) {
    return {
      keys: await source.bank(keyName, heads, rank, nopeSize),
      values: await source.bank(valueName, heads, valueSize, rank),
    };
  }
  const rows = nopeSize + valueSize;
  const stored = await source.values(joint, [heads * rows, rank]);
  const keys = new Float32Array(heads * rank * nopeSize);
  const values = new Float32Array(heads * valueSize * rank);
  for (let head = 0; head < heads; head++) {
    const own = stored.subarray(head * rows * rank, (head + 1) * rows * rank);
    keys.set(transposed(own.subarray(0, nopeSize * rank), rank), head * rank * nopeSize);
    values.set(own.subarray(nopeSize * rank), head * valueSize * rank);
  }
  return {
    keys: await source.made(keyName, keys, heads, rank, nopeSize),
    values: await source.made(valueName, values, heads, valueSize, rank),
  };
}

/** Of the naive form: for each head, rows of keys and then rows of values, `[H * (N + Dv), R]`. */
export async function loadJointWeight(
  { source, name, config: { heads } }: Place,
  { rank, nopeSize, valueSize }: LatentConfig,
): Promise<Weight> {
  const rows = nopeSize + valueSize;
  const joint = `${name}.${JOINT}`;
  if (source.has(joint)) return await source.matrix(joint, heads * rows, rank);
  const keys = await source.values(`${name}.${KEYS}`, [heads, rank, nopeSize]);
  const values = await source.values(`${name}.${VALUES}`, [heads, valueSize, rank]);
  const all = new Float32Array(heads * rows * rank);
  for (let head = 0; head < heads; head++) {
    const part = (of: Float32Array, size: number) => of.subarray(head * size, (head + 1) * size);
    all.set(transposed(part(keys, rank * nopeSize), nopeSize), head * rows * rank);
    all.set(part(values, valueSize * rank), (head * rows + nopeSize) * rank);
  }
  return await source.made(joint, all, 1, heads * rows, rank);
}

/** `[rows, cols]` -> `[cols, rows]`. */
function transposed(values: Float32Array, cols: number): Float32Array {
  const rows = values.length / cols;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) out[col * rows + row] = values[row * cols + col];
  }
  return out;
}

/**
 * Bytes by which the rearranged matrices exceed those in the file, for the memory plan; `sizeBytes` tells what a tensor of
 * the file takes, undefined where it has none, `madeBytes` what one of f32 does, its dims innermost first.
 */
export function rearrangedBytes(
  { layers, nextLayers = 0, heads, latent }: ModelConfig,
  sizeBytes: (tensor: string) => number | undefined,
  madeBytes: (dims: readonly number[]) => number,
): number {
  if (!latent) return 0;
  const { form, rank, nopeSize, valueSize } = latent;
  const made = form === "absorbed"
    ? madeBytes([nopeSize, rank, heads]) + madeBytes([rank, valueSize, heads])
    : madeBytes([rank, heads * (nopeSize + valueSize)]);
  const replaced = form === "absorbed" ? [JOINT] : [KEYS, VALUES];
  let bytes = 0;
  for (let layer = 0; layer < layers + nextLayers; layer++) {
    const sizes = replaced.map((part) => sizeBytes(`blk.${layer}.${part}`));
    if (sizes.some((size) => size === undefined)) continue;
    bytes += made - sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  }
  return bytes;
}
