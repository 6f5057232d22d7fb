/** What adapters take of memory and tell of themselves, before they are loaded. Allocates nothing. */
import { ByteHash } from "../../byte_hash.ts";
import { packedBytes } from "../../backend/wasm/weight_loader.ts";
import type { AdapterFacts } from "../../events.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { AdapterValues } from "../adapter.ts";
import { type LoraInput, type NamedLora, namedLora, placeText } from "./lora_source.ts";
import { readAdapter } from "./read_adapter.ts";

/** An adapter that was read and not yet loaded. */
export interface ReadLora {
  readonly facts: AdapterFacts;
  readonly values: readonly AdapterValues[];
  /** 16 bytes over all of its numbers and names, without its scale. */
  readonly hash: Uint8Array<ArrayBuffer>;
}

/**
 * Reads all adapters of a model, in the order given.
 * @throws what `readAdapter` and `namedLora` throw
 */
export async function readLora(
  lora: LoraInput | readonly LoraInput[] | undefined,
  model: ModelConfig,
  signal?: AbortSignal,
): Promise<ReadLora[]> {
  const read: ReadLora[] = [];
  for (const named of namedLora(lora)) {
    const values = await readAdapter(named.from, model, { signal });
    read.push({ facts: factsOf(named, values), values, hash: hashOf(values) });
  }
  return read;
}

function factsOf(
  { name, isDefault, scale, from }: NamedLora,
  values: readonly AdapterValues[],
): AdapterFacts {
  return {
    ...{ name, isDefault, scale, source: placeText(from) },
    rank: Math.max(0, ...values.map(({ rank }) => rank)),
    matrices: values.length,
    sizeBytes: adapterBytes(values),
  };
}

/** Bytes of A and B as the backend packs them; what is shared counts once. */
export function adapterBytes(values: readonly AdapterValues[]): number {
  const shared = new Set<Float32Array>();
  let bytes = 0;
  for (const { rows, cols, rank, experts = 1, a, b } of values) {
    const packed = (ownRows: number, ownCols: number) =>
      packedBytes([ownCols, ownRows, experts], 4 * ownCols * ownRows * experts);
    if (!shared.has(a)) bytes += packed(rank, cols);
    shared.add(a);
    bytes += b.length > 0 ? packed(rows, rank) : 0;
  }
  return bytes;
}

/**
 * Numbers that adapters make of a row in the layer that has the most of them: A x, that scaled, B A x and the sum. The
 * core adds those of experts in the room that it has for a wave of them.
 */
export function adapterRowNumbers(values: readonly AdapterValues[]): number {
  const layers = new Map<string, number>();
  for (const { weight, rows, rank, experts } of values) {
    const layer = weight.split(".").slice(0, 2).join(".");
    const made = experts === undefined ? 2 * (rows + rank) : 0;
    layers.set(layer, (layers.get(layer) ?? 0) + made);
  }
  return Math.max(0, ...layers.values());
}

/** Whether one of them needs latent attention in its naive form: it changes the joint matrix of keys and values. */
export function needsJointMatrix(values: readonly AdapterValues[]): boolean {
  return values.some(({ weight }) => weight.endsWith(".attn_kv_b.weight"));
}

function hashOf(values: readonly AdapterValues[]): Uint8Array<ArrayBuffer> {
  const hash = new ByteHash();
  const text = (value: unknown) => hash.add(new TextEncoder().encode(JSON.stringify(value)));
  for (const { a, b, ...sizes } of values) {
    text(Object.entries(sizes).sort(([one], [other]) => one < other ? -1 : 1));
    for (const { buffer, byteOffset, byteLength } of [a, b]) {
      hash.add(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
  return hash.digest();
}
