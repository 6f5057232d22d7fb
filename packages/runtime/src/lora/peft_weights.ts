/** adapter_model.safetensors: the numbers of each module's A and B, read and written. Knows no model. */
import { readSafetensorsHead, type StoredTensor } from "../convert/checkpoint/safetensors.ts";
import { safetensorsHead } from "../convert/checkpoint/safetensors_writer.ts";
import { widened } from "../convert/rows/widened_rows.ts";
import { CheckpointError, UnsupportedError } from "../errors.ts";
import type { ByteSource } from "../gguf/mod.ts";

/** A matrix on the host. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly values: Float32Array;
}

/** A module's adapter as peft has it: A `[r, K]`, B `[N, r]`. */
export interface ModulePair {
  /** For example `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly a: Matrix;
  readonly b: Matrix;
}

const NAME = /^base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/;
/** Adapters beyond this are no adapters. */
const MAX_TENSOR_BYTES = 2 ** 30;

/**
 * All pairs, in the order of their modules' names.
 * @throws {CheckpointError} if a tensor is no adapter's, or one of a pair is missing
 * @throws {UnsupportedError} if numbers are neither F32, F16 nor BF16
 */
export async function readPairs(source: ByteSource): Promise<ModulePair[]> {
  const halves = new Map<string, { A?: Matrix; B?: Matrix }>();
  for (const stored of await readSafetensorsHead(source)) {
    const [, module, side] = NAME.exec(stored.name) ?? [];
    if (module === undefined) {
      fail(source, `holds ${stored.name.slice(0, 120)}, no adapter's tensor`);
    }
    const pair = halves.get(module) ?? {};
    halves.set(module, pair);
    pair[side as "A" | "B"] = await readMatrix(source, stored);
  }
  return [...halves].sort(([a], [b]) => a < b ? -1 : 1).map(([module, { A: a, B: b }]) => {
    if (!a || !b) fail(source, `has no lora_${a ? "B" : "A"} of ${module}`);
    if (a.rows !== b.cols) {
      fail(source, `has a lora_A of rank ${a.rows} and a lora_B of rank ${b.cols} for ${module}`);
    }
    return { module, a, b };
  });
}

async function readMatrix(
  source: ByteSource,
  { name, dtype, shape, offset, sizeBytes }: StoredTensor,
): Promise<Matrix> {
  if (shape.length !== 2) fail(source, `has ${name} of the shape [${shape}], a matrix is wanted`);
  if (!["F32", "F16", "BF16"].includes(dtype)) {
    throw new UnsupportedError(
      `Tensor ${name} of ${source.name} is ${dtype}: not supported`,
      dtype,
    );
  }
  if (sizeBytes > MAX_TENSOR_BYTES) fail(source, `has ${name} of ${sizeBytes} bytes`);
  const bytes = new Uint8Array(sizeBytes);
  await source.read(offset, bytes);
  const values = widened(bytes, dtype, shape[0] * shape[1]);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) fail(source, `has a number in ${name} that is not finite, at ${wrong}`);
  return { rows: shape[0], cols: shape[1], values };
}

/** The file's bytes, F32. */
export function pairBytes(pairs: readonly ModulePair[]): Uint8Array<ArrayBuffer> {
  const tensors = pairs.flatMap(({ module, a, b }) => [
    { name: `base_model.model.${module}.lora_A.weight`, ...a },
    { name: `base_model.model.${module}.lora_B.weight`, ...b },
  ]);
  const shapes = tensors.map(({ name, rows, cols }) => ({ name, shape: [rows, cols] }));
  const head = safetensorsHead(shapes, { format: "pt" });
  const size = tensors.reduce((sum, { values }) => sum + values.byteLength, head.length);
  const bytes = new Uint8Array(size);
  bytes.set(head);
  let at = head.length;
  for (const { values } of tensors) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return bytes;
}

function fail(source: ByteSource, what: string): never {
  throw new CheckpointError(`${source.name} ${what}`, source.name);
}
