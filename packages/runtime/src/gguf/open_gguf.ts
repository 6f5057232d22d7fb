/** Opens a model file and reads its head; a shard brings its siblings along. Resolves no model names, reads no weights. */
import { ModelError, SourceError } from "../errors.ts";
import { readGguf } from "./reader.ts";
import { joinShards, type Shard } from "./shards/join_shards.ts";
import { parseShardName } from "./shards/shard_name.ts";
import { openSource, type OpenSourceOptions } from "./source/open_source.ts";

/** An opened model: its head and its bytes, one of each also where they are spread over files. Close the source. */
export type OpenGguf = Shard;

/**
 * Opens a path, an http(s) or file URL, or a Blob. Any part `-0000I-of-0000N.gguf` of a split model opens the whole.
 * @throws {SourceError} if a file is missing (naming the shard) or cannot be read
 * @throws {GgufError} if a file is malformed
 * @throws {ModelError} if shards do not belong together
 *
 * @example
 * ```ts
 * import { openGguf } from "@aha/runtime/gguf";
 * const { gguf, source } = await openGguf("tests/fixtures/models/llama_untied/gguf/model-F16.gguf");
 * console.log(gguf.tensors.size, source.sizeBytes); // 21 273056
 * await source.close();
 * ```
 */
export async function openGguf(
  where: string | URL | Blob,
  options: OpenSourceOptions = {},
): Promise<OpenGguf> {
  const shards = where instanceof Blob ? undefined : parseShardName(String(where));
  if (!shards || shards.count === 1) return expectWhole(await openOne(where, options));
  const opened: OpenGguf[] = [];
  try {
    for (const [index, name] of shards.all.entries()) {
      opened.push(
        await openOne(name, options).catch((error) => missing(error, index, shards.count, name)),
      );
    }
    return joinShards(opened);
  } catch (error) {
    for (const { source } of opened) await source.close();
    throw error;
  }
}

async function openOne(
  where: string | URL | Blob,
  options: OpenSourceOptions,
): Promise<OpenGguf> {
  const source = await openSource(where, options);
  try {
    return { source, gguf: await readGguf(source, options) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** A lone part of a model is no model. */
async function expectWhole(open: OpenGguf): Promise<OpenGguf> {
  const { gguf, source } = open;
  const count = gguf.metadata.optionalCount("split.count") ?? 1;
  if (count <= 1) return open;
  await source.close();
  const number = (gguf.metadata.optionalCount("split.no") ?? 0) + 1;
  throw new ModelError(
    `${source.name} is part ${number} of ${count} of a model: name the parts ...-00001-of-0000${count}.gguf and so on, side by side`,
  );
}

function missing(error: unknown, index: number, count: number, name: string): never {
  if (!(error instanceof SourceError)) throw error;
  throw new SourceError(
    `Shard ${index + 1} of ${count} (${name}) cannot be opened: ${error.message}`,
    name,
    {
      cause: error,
    },
  );
}
