/** Writes GGUF files (version 3): the head from metadata and tensor shapes, then tensor data as it comes. Computes no weights and opens no file. */
import { ModelError } from "../errors.ts";
import { type GgmlType, ggmlTypeByName } from "./ggml_type.ts";
import { HeadBytes } from "./head_bytes.ts";
import type { MetadataEntry } from "./metadata_value.ts";

/** Where bytes go, in order. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void> | void;
}

/** A tensor to write. */
export interface TensorToWrite {
  readonly name: string;
  /** Sizes in GGUF order, the fastest-moving first: a matrix of R rows and C columns is `[C, R]`. */
  readonly dims: readonly number[];
  /** Name of the number format, such as `"Q4_0"`. */
  readonly type: string;
  /** The tensor's bytes in order, in chunks of any size; called once, when its turn has come. */
  data(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** What a file holds. */
export interface GgufContent {
  /** In file order; `general.alignment` is obeyed. */
  readonly metadata: Iterable<readonly [string, MetadataEntry]>;
  /** In file order. */
  readonly tensors: readonly TensorToWrite[];
}

/** Options of `writeGguf`. */
export interface WriteGgufOptions {
  readonly signal?: AbortSignal;
  /** Called after each chunk with the bytes written and those of the whole file. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

const VERSION = 3;
const DEFAULT_ALIGNMENT = 32;
const ALIGNMENT_KEY = "general.alignment";
/** ggml.h: GGML_MAX_DIMS, and GGML_MAX_NAME with its closing zero. */
const MAX_DIMS = 4;
const MAX_NAME_BYTES = 63;

/**
 * Writes a whole GGUF file to `sink` and gives its size in bytes. Data is streamed: no more than the head and one
 * chunk is held. Each tensor starts at a multiple of the alignment, and the file's end is filled up to one.
 *
 * Format: the GGUF specification of the ggml project, version 3.
 * @throws {ModelError} if names, shapes, types or values cannot be written, or a tensor gives more or fewer bytes
 *
 * @example
 * ```ts
 * import { blobSource, readGguf, writeGguf } from "@aha/runtime/gguf";
 * const parts: Uint8Array<ArrayBuffer>[] = [];
 * const data = () => [new Uint8Array(new Float32Array([1, 2]).buffer)];
 * await writeGguf({ write: (bytes) => void parts.push(new Uint8Array(bytes)) }, {
 *   metadata: [["general.architecture", { type: "string", value: "llama" }]],
 *   tensors: [{ name: "output_norm.weight", dims: [2], type: "F32", data }],
 * });
 * const { tensors } = await readGguf(blobSource(new Blob(parts)));
 * console.log(tensors.get("output_norm.weight")?.sizeBytes); // 8
 * ```
 */
export async function writeGguf(
  sink: ByteSink,
  content: GgufContent,
  { signal, onProgress }: WriteGgufOptions = {},
): Promise<number> {
  const metadata = [...content.metadata];
  const alignment = alignmentOf(metadata);
  const sizes = content.tensors.map(tensorBytes);
  const head = headBytes(metadata, content.tensors, sizes, alignment);
  const totalBytes = sizes.reduce((sum, size) => sum + aligned(size, alignment), head.length);
  let doneBytes = 0;
  const write = async (bytes: Uint8Array) => {
    signal?.throwIfAborted();
    await sink.write(bytes);
    doneBytes += bytes.length;
    onProgress?.(doneBytes, totalBytes);
  };
  await write(head);
  for (const [i, tensor] of content.tensors.entries()) {
    const end = doneBytes + sizes[i];
    for await (const chunk of tensor.data()) {
      if (doneBytes + chunk.length > end) throw wrongLength(tensor, sizes[i], "more");
      await write(chunk);
    }
    if (doneBytes < end) throw wrongLength(tensor, sizes[i], `${sizes[i] - end + doneBytes}`);
    const padding = aligned(doneBytes, alignment) - doneBytes;
    if (padding > 0) await write(new Uint8Array(padding));
  }
  return totalBytes;
}

function headBytes(
  metadata: readonly (readonly [string, MetadataEntry])[],
  tensors: readonly TensorToWrite[],
  sizes: readonly number[],
  alignment: number,
): Uint8Array {
  const head = new HeadBytes();
  head.raw(new TextEncoder().encode("GGUF"));
  head.scalar("uint32", VERSION, "the version");
  head.scalar("uint64", tensors.length, "the number of tensors");
  head.scalar("uint64", metadata.length, "the number of metadata keys");
  const keys = new Set<string>();
  for (const [key, entry] of metadata) {
    if (keys.has(key)) throw new ModelError(`Metadata key ${key} is given twice`);
    keys.add(key);
    head.text(key);
    head.entry(entry, `Metadata key ${key}`);
  }
  const names = new Set<string>();
  let offset = 0;
  for (const [i, tensor] of tensors.entries()) {
    if (names.has(tensor.name)) throw new ModelError(`Tensor ${tensor.name} is given twice`);
    names.add(tensor.name);
    head.text(tensor.name);
    head.scalar("uint32", tensor.dims.length, tensor.name);
    for (const size of tensor.dims) head.scalar("uint64", size, tensor.name);
    head.scalar("uint32", typeOf(tensor).id, tensor.name);
    head.scalar("uint64", offset, tensor.name);
    offset += aligned(sizes[i], alignment);
  }
  head.fillUp(alignment);
  return head.bytes();
}

function alignmentOf(metadata: readonly (readonly [string, MetadataEntry])[]): number {
  const value = metadata.find(([key]) => key === ALIGNMENT_KEY)?.[1].value ?? DEFAULT_ALIGNMENT;
  if (typeof value === "number" && value >= 1 && Number.isInteger(Math.log2(value))) return value;
  throw new ModelError(`${ALIGNMENT_KEY} must be a power of two, found ${String(value)}`);
}

function aligned(size: number, alignment: number): number {
  return Math.ceil(size / alignment) * alignment;
}

function typeOf({ name, type }: TensorToWrite): GgmlType {
  const known = ggmlTypeByName(type);
  if (!known) throw new ModelError(`Tensor ${name} has the unknown type ${type}`);
  return known;
}

function tensorBytes(tensor: TensorToWrite): number {
  const { name, dims } = tensor;
  const { blockSize, blockBytes } = typeOf(tensor);
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    throw new ModelError(`Tensor name ${name} has more than the ${MAX_NAME_BYTES} bytes allowed`);
  }
  const whole = dims.every((size) => Number.isSafeInteger(size) && size > 0);
  const fits = dims.length >= 1 && dims.length <= MAX_DIMS && whole && dims[0] % blockSize === 0;
  if (!fits) throw new ModelError(`Tensor ${name} [${dims}] cannot be written as ${tensor.type}`);
  return dims.reduce((product, size) => product * size, 1) / blockSize * blockBytes;
}

function wrongLength({ name }: TensorToWrite, wanted: number, given: string): ModelError {
  return new ModelError(`Tensor ${name} takes ${wanted} bytes, its data gave ${given}`);
}
