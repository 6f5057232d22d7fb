/** Files written into memory, and opened from there. Touches no disk. */
import { type ByteSink, type OpenGguf, openGguf } from "../../packages/runtime/src/gguf/mod.ts";

/** A sink with what was written to it. */
export interface MemorySink extends ByteSink {
  blob(): Blob;
}

/** A sink that keeps all bytes. */
export function memorySink(): MemorySink {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: (bytes) => void parts.push(new Uint8Array(bytes)),
    blob: () => new Blob(parts),
  };
}

/** The model that `write` writes. */
export async function writtenModel(write: (sink: ByteSink) => Promise<unknown>): Promise<OpenGguf> {
  const sink = memorySink();
  await write(sink);
  return await openGguf(sink.blob());
}

/** The bytes of a tensor. */
export async function tensorBytes({ gguf, source }: OpenGguf, name: string): Promise<Uint8Array> {
  const tensor = gguf.tensors.get(name);
  if (!tensor) throw new TypeError(`${source.name} has no tensor ${name}`);
  const bytes = new Uint8Array(tensor.sizeBytes);
  await source.read(tensor.offset, bytes);
  return bytes;
}
