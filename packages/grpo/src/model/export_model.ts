/** A trained model as a GGUF file again. Trains nothing and chooses no number format. */
import { type ByteSink, type GgmlType, ggmlTypeByName } from "@aha/runtime/gguf";
import {
  type FloatTensor,
  writeModel,
  type WriteModelOptions,
  type WriteModelReport,
} from "@aha/runtime/quantize";
import { type TrainableModel, UnsupportedError } from "@aha/runtime/training";

/** Options of `exportModel`. */
export interface ExportOptions extends WriteModelOptions {
  /** Number format of the matrices, as `aha quantize` knows them. Default `F32`: the bits of the training. */
  readonly type?: string;
  /** `general.name`; default: what the model was opened with. */
  readonly name?: string;
}

const F32 = ggmlTypeByName("F32") as GgmlType;

/**
 * Writes a model as it is now to `sink`: the metadata and names of the file that it was opened from, its matrices as
 * `type`. Adapters are no part of it.
 * @throws {UnsupportedError} if the type cannot be written, and for matrices that the file has in another arrangement
 * @throws {ModelError} if a value is not finite or too large for the type
 *
 * @example
 * ```ts
 * import { exportModel } from "@aha/grpo";
 * import { openFileSink } from "@aha/runtime/gguf";
 * import type { TrainableModel } from "@aha/runtime/training";
 *
 * async function save(model: TrainableModel, path: string): Promise<void> {
 *   const sink = await openFileSink(path, { overwrite: true });
 *   try {
 *     await exportModel(model, sink, { type: "Q8_0" });
 *     sink.commit();
 *   } finally {
 *     sink.abort();
 *   }
 * }
 * ```
 */
export async function exportModel(
  { backend: { grad }, parameters, metadata, tensors }: TrainableModel,
  sink: ByteSink,
  { type = "F32", name, ...options }: ExportOptions = {},
): Promise<WriteModelReport> {
  const entries = new Map(metadata.entries());
  for (const key of entries.keys()) if (key.startsWith("split.")) entries.delete(key);
  if (name !== undefined) entries.set("general.name", { type: "string", value: name });
  const written = Array.from(tensors.values(), ({ name, dims }): FloatTensor => {
    const parameter = parameters.get(name);
    if (!parameter) throw notLoaded(name);
    let values: Promise<Float32Array> | undefined;
    return {
      ...{ name, dims, type: F32 },
      async readRows(row, into) {
        values ??= grad.readParameter(parameter);
        const { buffer, byteOffset } = await values;
        into.set(new Uint8Array(buffer, byteOffset + row * dims[0] * 4, into.length));
      },
    };
  });
  return await writeModel(sink, { metadata: entries, tensors: written }, type, options);
}

/** As `exportModel`, in memory. */
export async function exportBlob(model: TrainableModel, options?: ExportOptions): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const sink = { write: (bytes: Uint8Array) => void parts.push(new Uint8Array(bytes)) };
  await exportModel(model, sink, options);
  return new Blob(parts);
}

function notLoaded(name: string): UnsupportedError {
  return new UnsupportedError(
    `The model has the numbers of ${name} in another arrangement than its file: open it with latentForm absorbed, from a file with attn_k_b and attn_v_b, to export it`,
    name,
  );
}
