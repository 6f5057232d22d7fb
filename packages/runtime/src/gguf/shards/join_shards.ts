/** Shows the files of a split model as one head and one run of bytes. Opens and names no files. */
import { ModelError } from "../../errors.ts";
import type { Gguf } from "../reader.ts";
import type { ByteSource } from "../source.ts";
import type { TensorInfo } from "../tensor_table.ts";

/** One file of a split model. */
export interface Shard {
  readonly gguf: Gguf;
  readonly source: ByteSource;
}

/**
 * Joins all files of a model, in order: metadata and name are the first one's, offsets count from the start of the
 * first file through all of them.
 * @throws {ModelError} naming the file that does not belong to the others
 */
export function joinShards(shards: readonly Shard[]): Shard {
  const tensors = new Map<string, TensorInfo>();
  let start = 0;
  shards.forEach(({ gguf, source }, index) => {
    checkPlace(gguf, index, shards.length);
    for (const [name, info] of gguf.tensors) {
      if (tensors.has(name)) {
        throw new ModelError(
          `Shard ${source.name} repeats tensor ${name} of another shard: the shards are of different models`,
        );
      }
      tensors.set(name, { ...info, offset: info.offset + start });
    }
    start += source.sizeBytes;
  });
  const [first] = shards;
  const told = first.gguf.metadata.optionalCount("split.tensors.count");
  if (told !== undefined && told !== tensors.size) {
    throw new ModelError(
      `The ${shards.length} shards of ${first.source.name} hold ${tensors.size} tensors, the model has ${told}: the shards are of different models`,
    );
  }
  return { gguf: { ...first.gguf, tensors }, source: new JoinedSource(shards) };
}

/** GGUF's own words for a file's place: `split.no` from 0 on, `split.count`. */
function checkPlace({ metadata, sourceName }: Gguf, index: number, count: number): void {
  const [ownIndex, ownCount] = [placeOf(metadata, "no"), placeOf(metadata, "count")];
  if (ownIndex === index && ownCount === count) return;
  const says = ownCount === undefined || ownIndex === undefined
    ? "is no part of a split model"
    : `is part ${ownIndex + 1} of ${ownCount}`;
  throw new ModelError(
    `Shard ${sourceName} is named ${
      index + 1
    } of ${count} but ${says}: the shards are of different models`,
  );
}

function placeOf(metadata: Gguf["metadata"], key: "no" | "count"): number | undefined {
  return metadata.optionalCount(`split.${key}`);
}

/** The bytes of several sources one after the other. */
class JoinedSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;

  constructor(private readonly parts: readonly Shard[]) {
    this.name = parts[0].source.name;
    this.sizeBytes = parts.reduce((sum, { source }) => sum + source.sizeBytes, 0);
  }

  async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    let start = 0;
    let filled = 0;
    for (const { source } of this.parts) {
      const from = offset + filled - start;
      if (filled < into.length && from < source.sizeBytes) {
        const size = Math.min(into.length - filled, source.sizeBytes - from);
        await source.read(from, into.subarray(filled, filled + size), signal);
        filled += size;
      }
      start += source.sizeBytes;
    }
    if (filled < into.length) throw new RangeError(`Byte ${offset} is beyond ${this.name}`);
  }

  async close(): Promise<void> {
    for (const { source } of this.parts) await source.close();
  }
}
