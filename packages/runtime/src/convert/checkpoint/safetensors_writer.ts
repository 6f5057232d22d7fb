/** Writes safetensors files of F32 tensors, one tensor in memory at a time. Reads none. */
import type { ByteSink } from "../../gguf/mod.ts";

/** A tensor to be written. */
export interface TensorToWrite {
  readonly name: string;
  /** Sizes, the slowest-moving first. */
  readonly shape: readonly number[];
  /** Its numbers, row-major; asked for once, in turn. */
  values(): Float32Array | Promise<Float32Array>;
}

/**
 * Writes a file of F32 tensors; `metadata` are texts that stand in its header.
 *
 * Format: safetensors (huggingface/safetensors, section Format).
 * @throws {RangeError} if a tensor has not as many numbers as its shape says
 */
export async function writeSafetensors(
  sink: ByteSink,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await sink.write(safetensorsHead(tensors, metadata));
  for (const { name, shape, values } of tensors) {
    const numbers = await values();
    if (numbers.length !== countOf(shape)) {
      throw new RangeError(`Tensor ${name} [${shape}] was given ${numbers.length} numbers`);
    }
    await sink.write(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  }
}

/** The length and the header of a file of F32 tensors, behind which their numbers stand in this order. */
export function safetensorsHead(
  tensors: readonly Pick<TensorToWrite, "name" | "shape">[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = tensors.map(({ name, shape }) => {
    const begin = end;
    end += 4 * countOf(shape);
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }] as const;
  });
  const header = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const text = new TextEncoder().encode(header);
  const padding = (8 - text.length % 8) % 8;
  const head = new Uint8Array(8 + text.length + padding).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(text.length + padding), true);
  head.set(text, 8);
  return head;
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
