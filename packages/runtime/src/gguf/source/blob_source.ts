/** Reads a Blob or a File of the browser. Keeps no copy of it. */
import { SourceError } from "../../errors.ts";
import type { ByteSource } from "../source.ts";
import { streamChunks } from "./stream_chunks.ts";

/** A source over `blob`; a File is named by its file name. */
export function blobSource(blob: Blob): ByteSource {
  const name = blob instanceof File && blob.name !== "" ? blob.name : "Blob";
  return {
    name,
    sizeBytes: blob.size,
    async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
      signal?.throwIfAborted();
      let filled = 0;
      try {
        for await (const chunk of streamChunks(blob.slice(offset, offset + into.length).stream())) {
          signal?.throwIfAborted();
          into.set(chunk, filled);
          filled += chunk.length;
        }
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        throw new SourceError(`Cannot read ${name}: ${(error as Error).message}`, name, {
          cause: error,
        });
      }
      if (filled < into.length) {
        throw new SourceError(
          `Cannot read ${name}: ${into.length} bytes wanted at ${offset}, only ${filled} there`,
          name,
        );
      }
    },
    close: () => Promise.resolve(),
  };
}
