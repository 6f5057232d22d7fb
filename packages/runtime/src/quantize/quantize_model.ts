/** Writes an opened GGUF model in another number format. Chooses no formats and opens no file. */
import type {
  ByteSink,
  ByteSource,
  Gguf,
  MetadataEntry,
  OpenGguf,
  TensorInfo,
} from "../gguf/mod.ts";
import {
  type FloatTensor,
  writeModel,
  type WriteModelOptions,
  type WriteModelReport,
} from "./write_model.ts";

/** Where a file lies in a split model: the copy is one file. */
const SHARD_KEYS = /^split\./;

/**
 * Writes `model`, one file or shards, as one file to `sink` with its matrices as `type` (see `writeModel`).
 *
 * @throws {UnsupportedError} if the type cannot be written or the model is quantized already
 * @throws {ModelError} if a value is not finite or too large for the type
 * @throws {SourceError} if the model cannot be read
 *
 * @example
 * ```ts
 * import { openGguf } from "@aha/runtime/gguf";
 * import { quantizeModel } from "@aha/runtime/quantize";
 * const model = await openGguf("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
 * const { sizeBytes } = await quantizeModel(model, { write() {} }, "Q8_0");
 * console.log(sizeBytes < model.source.sizeBytes / 3); // true
 * await model.source.close();
 * ```
 */
export function quantizeModel(
  { gguf, source }: OpenGguf,
  sink: ByteSink,
  type: string,
  options: WriteModelOptions = {},
): Promise<WriteModelReport> {
  const metadata = wholeMetadata(gguf);
  const tensors = Array.from(gguf.tensors.values(), (tensor) => storedTensor(tensor, source));
  return writeModel(sink, { metadata, tensors }, type, options);
}

/** A model's metadata without what tells where a shard lies. */
export function wholeMetadata({ metadata }: Gguf): [string, MetadataEntry][] {
  return [...metadata.entries()].filter(([key]) => !SHARD_KEYS.test(key));
}

/** A tensor of a file as it stands there, rows of whatever format. */
export function storedTensor(tensor: TensorInfo, source: ByteSource): FloatTensor {
  const { name, dims, type, offset, sizeBytes } = tensor;
  const rows = dims.slice(1).reduce((product, size) => product * size, 1);
  const rowBytes = sizeBytes / rows;
  return {
    name,
    dims,
    type,
    readRows: (row, into, signal) => source.read(offset + row * rowBytes, into, signal),
  };
}
