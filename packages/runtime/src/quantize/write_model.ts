/** Writes float tensors as a GGUF file in another number format, some rows at a time. Knows no source format and opens no file. */
import { type BlockEncoder, createBlockEncoder } from "../backend/wasm/block_encoder.ts";
import { ModelError } from "../errors.ts";
import { type ByteSink, type MetadataEntry, writeGguf } from "../gguf/mod.ts";
import { planTypes, type TensorShape, type TypedTensor, type WritableType } from "./type_plan.ts";

/** A tensor of F32, F16 or BF16 values that are read when their turn has come. */
export interface FloatTensor extends TensorShape {
  /** Fills all of `into` with the rows from `row` on; a vector is one row. */
  readRows(row: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
}

/** What the file will hold, in this order. */
export interface ModelToWrite {
  /** `general.file_type` and `general.quantization_version` are set to what is written. */
  readonly metadata: Iterable<readonly [string, MetadataEntry]>;
  readonly tensors: Iterable<FloatTensor>;
}

/** Options of `writeModel`. */
export interface WriteModelOptions {
  /** Threads that share the work, the caller's included. Default: the cores this process may use. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called with the bytes written and those of the whole file. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** What was written. */
export interface WriteModelReport {
  readonly sizeBytes: number;
  readonly tensors: readonly TypedTensor[];
}

/** `general.file_type` (llama.h, `llama_ftype`) of files whose matrices all have one format. */
const FILE_TYPES: Readonly<Record<WritableType, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q8_0: 7,
  Q4_K: 14,
  Q6_K: 18,
  BF16: 32,
};
/** Version of ggml's block formats (ggml.h, GGML_QNT_VERSION). */
const QUANTIZATION_VERSION = 2;
/** Values that are in memory at a time. */
const CHUNK_VALUES = 1 << 20;

/**
 * Writes a model to `sink` with its matrices as `type` (see `planTypes`): Q8_0, Q4_0 and Q4_1 as gguf-py quantizes,
 * Q4_K and Q6_K with the least squared error that a search finds. Holds a few rows at a time.
 *
 * @throws {UnsupportedError} if the type cannot be written or the model is quantized already
 * @throws {ModelError} if a value is not finite or too large for the type
 */
export async function writeModel(
  sink: ByteSink,
  model: ModelToWrite,
  type: string,
  options: WriteModelOptions = {},
): Promise<WriteModelReport> {
  const tensors = planTypes(model.tensors, type);
  const metadata = withFileType(model.metadata, type as WritableType);
  return await writeTyped(sink, { metadata, tensors }, options);
}

/** What a file will hold, in this order, each tensor with its format. */
export interface TypedModel {
  readonly metadata: Iterable<readonly [string, MetadataEntry]>;
  readonly tensors: readonly TypedTensor<FloatTensor>[];
}

/**
 * Writes tensors in formats that are chosen already; those that keep theirs may have any, and are copied.
 * @throws {ModelError} if a value is not finite or too large for its type
 */
export async function writeTyped(
  sink: ByteSink,
  { metadata, tensors }: TypedModel,
  options: WriteModelOptions = {},
): Promise<WriteModelReport> {
  const { signal, onProgress } = options;
  const encoder = await createBlockEncoder({ threads: options.threads });
  try {
    const content = {
      metadata,
      tensors: tensors.map((typed) => ({
        name: typed.tensor.name,
        dims: typed.tensor.dims,
        type: typed.type,
        data: () => encoded(typed, encoder, signal),
      })),
    };
    return { sizeBytes: await writeGguf(sink, content, { signal, onProgress }), tensors };
  } finally {
    encoder.close();
  }
}

/** A tensor's bytes in its new format, some rows at a time. */
async function* encoded(
  { tensor, type }: TypedTensor<FloatTensor>,
  encoder: BlockEncoder,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const cols = tensor.dims[0];
  const rows = tensor.dims.slice(1).reduce((product, size) => product * size, 1);
  const rowsAtOnce = Math.max(1, Math.floor(CHUNK_VALUES / cols));
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - row);
    if (isCopied(tensor, type)) {
      const { blockSize, blockBytes } = tensor.type;
      const copy = new Uint8Array(count * cols / blockSize * blockBytes);
      await tensor.readRows(row, copy, signal);
      yield copy;
      continue;
    }
    const bytes = await encoder.encode(
      tensor.type.name,
      type,
      count,
      cols,
      (into) => tensor.readRows(row, into, signal),
    );
    if (!bytes) {
      throw new ModelError(
        `Tensor ${tensor.name} holds a value that is not finite or too large for ${type}`,
      );
    }
    yield bytes;
  }
}

/** Floats are checked as they pass. */
function isCopied({ type: { name, blockSize } }: FloatTensor, type: string): boolean {
  return name === type && blockSize > 1;
}

/** Metadata of a model whose matrices all have one format. */
export function withFileType(
  metadata: ModelToWrite["metadata"],
  type: WritableType,
): [string, MetadataEntry][] {
  const entries = new Map(metadata);
  entries.set("general.file_type", { type: "uint32", value: FILE_TYPES[type] });
  entries.set("general.quantization_version", { type: "uint32", value: QUANTIZATION_VERSION });
  return [...entries];
}
