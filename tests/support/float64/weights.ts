/** The tensors of a model file as numbers, for the float64 twin: rows dequantized by the core, whose formats are checked
 * against gguf-py elsewhere. No arithmetic. */
import { createWasmBackend } from "../../../packages/runtime/src/backend/wasm/backend.ts";
import {
  blobSource,
  type Gguf,
  type Metadata,
  openGguf,
  readGguf,
} from "../../../packages/runtime/src/gguf/mod.ts";

/** A tensor, its sizes outermost first. */
export interface PlainTensor {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** A model file, read whole. */
export interface PlainModel {
  readonly metadata: Metadata;
  readonly tensors: ReadonlyMap<string, PlainTensor>;
}

/** Reads a file, its shards included, or the bytes of one. */
export async function readPlainModel(from: string | Blob): Promise<PlainModel> {
  if (typeof from !== "string") {
    const source = blobSource(from);
    return await plain(await readGguf(source), (at, into) => source.read(at, into));
  }
  const { gguf, source } = await openGguf(from);
  try {
    return await plain(gguf, (at, into) => source.read(at, into));
  } finally {
    await source.close();
  }
}

async function plain(
  gguf: Gguf,
  read: (at: number, into: Uint8Array) => Promise<void>,
): Promise<PlainModel> {
  const backend = await createWasmBackend({ threads: 1 });
  const tensors = new Map<string, PlainTensor>();
  for (const { name, dims, type, offset, sizeBytes } of gguf.tensors.values()) {
    const cols = dims[0];
    const rows = dims.slice(1).reduce((product, size) => product * size, 1);
    const stored = { name, type: type.name, rows, cols, sizeBytes };
    const weight = await backend.loadWeight(stored, (at, into) => read(offset + at, into));
    using _scope = backend.ops.scope();
    const ids = Int32Array.from({ length: rows }, (_, row) => row);
    const values = await backend.ops.read(backend.ops.embed(ids, weight));
    tensors.set(name, { dims: [...dims].reverse(), values });
  }
  await backend.close();
  return { metadata: gguf.metadata, tensors };
}
