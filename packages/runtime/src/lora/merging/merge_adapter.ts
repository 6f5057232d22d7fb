/** Writes a model with an adapter added to its weights, some rows at a time. Chooses formats, reads no adapter, opens no file. */
import { createWasmBackend } from "../../backend/wasm/backend.ts";
import { ModelError, UnsupportedError } from "../../errors.ts";
import { type ByteSink, ggmlTypeByName, type OpenGguf, type TensorInfo } from "../../gguf/mod.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { Backend } from "../../ops.ts";
import {
  type FloatTensor,
  planTypes,
  storedTensor,
  type TypedTensor,
  wholeMetadata,
  withFileType,
  WRITABLE_TYPES,
  type WritableType,
  type WriteModelOptions,
  type WriteModelReport,
  writeTyped,
} from "../../quantize/mod.ts";
import type { AdapterValues } from "../adapter.ts";
import { mergedRows } from "../merge.ts";
import { splitJoint } from "./split_joint.ts";

/** Options of `mergeAdapter`. */
export interface MergeOptions extends WriteModelOptions {
  /**
   * Format of all matrices. Default: each keeps its own; of those that the adapter changes, formats that cannot be written
   * become Q8_0.
   */
  readonly type?: string;
  /** Factor on what the adapter adds, besides its own alpha / r. Default 1. */
  readonly scale?: number;
}

const FLOATS = ["F32", "F16", "BF16"];
/** Stands in for a format that can be read and not written: twice the bytes at most, and no worse. */
const STAND_IN = "Q8_0";

/**
 * Writes `model`, one file or shards, as one file to `sink`, with W + scale B A for each weight that the adapter is for.
 * Quantized weights are dequantized for that and quantized again; what the adapter does not change is copied.
 *
 * @param values of `readAdapter`, for a model of these sizes with `latentForm: "naive"`
 * @throws {ModelError} if the file lacks a weight, or a value is not finite or too large for its type
 * @throws {UnsupportedError} if `type` cannot be written, or is a quantized one and the model is quantized already
 *
 * @example
 * ```ts
 * import { modelConfig } from "@aha/runtime";
 * import { openGguf } from "@aha/runtime/gguf";
 * import { mergeAdapter, readAdapter } from "@aha/runtime/lora";
 * const model = await openGguf("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
 * const config = modelConfig(model.gguf, { latentForm: "naive" });
 * const values = await readAdapter("tests/fixtures/train/llama_untied/lora_1_peft", config);
 * const { sizeBytes } = await mergeAdapter(model, config, values, { write() {} });
 * console.log(sizeBytes > 500_000); // true
 * await model.source.close();
 * ```
 */
export async function mergeAdapter(
  model: OpenGguf,
  config: ModelConfig,
  values: readonly AdapterValues[],
  sink: ByteSink,
  { type, scale = 1, ...options }: MergeOptions = {},
): Promise<WriteModelReport> {
  const { gguf } = model;
  const has = (tensor: string) => gguf.tensors.has(tensor);
  const changes = new Map(
    values.flatMap((adapter) => splitJoint(adapter, config, has)).map((one) => [
      one.weight,
      { ...one, scale: one.scale * scale },
    ]),
  );
  const lost = [...changes.keys()].find((weight) => !has(weight));
  if (lost !== undefined) throw new ModelError(`${gguf.sourceName} has no weight ${lost}`);
  const metadata = wholeMetadata(gguf);
  const backend = await createWasmBackend({ threads: 1 });
  try {
    const tensors = Array.from(
      gguf.tensors.values(),
      (info) => typedTensor(model, backend, info, changes.get(info.name), type),
    );
    const told = type === undefined ? metadata : withFileType(metadata, type as WritableType);
    return await writeTyped(sink, { metadata: told, tensors }, options);
  } finally {
    await backend.close();
  }
}

function typedTensor(
  { source }: OpenGguf,
  backend: Backend,
  info: TensorInfo,
  adapter: AdapterValues | undefined,
  wanted: string | undefined,
): TypedTensor<FloatTensor> {
  const stored = storedTensor(info, source);
  const own = stored.type.name;
  const isFloat = FLOATS.includes(own);
  if (!adapter) {
    if (wanted === undefined || (wanted === own && !isFloat)) return { tensor: stored, type: own };
    if (isFloat || !FLOATS.includes(wanted)) return planned(stored, wanted);
    return planned(asFloats(stored, backend), wanted);
  }
  const floats = asFloats(stored, backend, adapter);
  if (wanted !== undefined || WRITABLE_TYPES.some((name) => name === own)) {
    return planned(floats, wanted ?? own);
  }
  const typed = planned(floats, STAND_IN);
  return { ...typed, fallback: `the weight was ${own}, which can be read but not written` };
}

/** @throws {UnsupportedError} if it cannot be written so */
function planned(tensor: FloatTensor, wanted: string): TypedTensor<FloatTensor> {
  const [typed] = planTypes([tensor], wanted);
  return typed;
}

/** A tensor as rows of F32, with what an adapter adds. */
function asFloats(
  stored: FloatTensor,
  backend: Backend,
  adapter?: AdapterValues,
): FloatTensor {
  const { name, dims: [cols], type: { name: own, blockSize, blockBytes } } = stored;
  const type = ggmlTypeByName("F32");
  if (!type) throw new UnsupportedError("F32 is not known", "F32");
  const rowBytes = cols / blockSize * blockBytes;
  return {
    ...stored,
    type,
    async readRows(row, into, signal) {
      const rows = into.length / (4 * cols);
      const some = { name, type: own, rows, cols, sizeBytes: rows * rowBytes };
      const base = await backend.dequantize(
        some,
        (offset, part) => stored.readRows(row + offset / rowBytes, part, signal),
      );
      const merged = adapter ? mergedRows(base, adapter, row) : base;
      into.set(new Uint8Array(merged.buffer, merged.byteOffset, merged.byteLength));
    },
  };
}
