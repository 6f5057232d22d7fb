/** Files of named f32 numbers with a few texts, such as checkpoints of training: written, and read tensor by tensor. Knows no training. */
import { readSafetensorsHead, readSafetensorsMetadata } from "../convert/checkpoint/safetensors.ts";
import { CheckpointError } from "../errors.ts";
import { openSource } from "../gguf/mod.ts";

export { type TensorToWrite, writeSafetensors } from "../convert/checkpoint/safetensors_writer.ts";

/** A file of F32 tensors that is open; close it. */
export interface TensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** Sizes by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** @throws {CheckpointError} if there is no such tensor, or it is not F32 */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a safetensors file from a path, a URL or a Blob.
 * @throws {CheckpointError} if it is malformed or cut short
 * @throws {SourceError} if it cannot be read
 */
export async function openTensorFile(where: string | URL | Blob): Promise<TensorFile> {
  const source = await openSource(where);
  try {
    const metadata = await readSafetensorsMetadata(source);
    const tensors = await readSafetensorsHead(source);
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    return {
      metadata,
      shapes: new Map(tensors.map(({ name, shape }) => [name, shape])),
      async read(name) {
        const tensor = byName.get(name);
        if (!tensor) throw new CheckpointError(`${source.name} has no tensor ${name}`, source.name);
        if (tensor.dtype !== "F32") {
          throw new CheckpointError(`${source.name} has ${name} as ${tensor.dtype}`, source.name);
        }
        const bytes = new Uint8Array(tensor.sizeBytes);
        await source.read(tensor.offset, bytes);
        return new Float32Array(bytes.buffer);
      },
      close: async () => await source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}
