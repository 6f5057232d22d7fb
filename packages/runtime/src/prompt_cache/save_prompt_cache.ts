/** Writes a prompt's keys and values to a file or a sink. Knows no text. */
import type { Decoder } from "../engine/decoder.ts";
import type { Scheduler } from "../engine/scheduler.ts";
import { MemoryError } from "../errors.ts";
import type { AdapterChoice } from "../events.ts";
import { type ByteSink, openFileSink } from "../gguf/mod.ts";
import { PAGE_TOKENS, pageBytes } from "../kv_cache.ts";
import type { Draw } from "../ops.ts";
import { encodeHead, PartsDigest, type PromptCacheOwner } from "./prompt_cache_file.ts";

/** Options of `savePromptCache`. */
export interface SavePromptCacheOptions {
  /** Replace a file of that name, in one step and at the end. Default false. */
  readonly overwrite?: boolean;
  /** With which adapters: those of the requests to come. Default: as for `complete`. */
  readonly adapter?: AdapterChoice;
  readonly signal?: AbortSignal;
}

/** What was saved. */
export interface SavedPromptCache {
  /** Tokens of the prompt, rounded down to whole pages. */
  readonly savedTokens: number;
  readonly sizeBytes: number;
}

/** A prompt's beginning and copies of the pages that hold it. */
export interface PromptPages {
  readonly ids: readonly number[];
  readonly pages: readonly Uint8Array<ArrayBuffer>[];
}

/** Feeding ends with a draw that nobody looks at. */
const ANY_DRAW: Omit<Draw, "position"> = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0, seed: [0, 0], choice: 0 },
};

/**
 * Feeds what the cache does not hold of a prompt's whole pages, and copies them.
 * @throws {RangeError} if there is no whole page, or an id is outside the vocabulary
 */
export async function promptPages(
  scheduler: Scheduler,
  promptIds: readonly number[],
  { signal, decoder }: { readonly signal?: AbortSignal; readonly decoder?: Decoder },
): Promise<PromptPages> {
  scheduler.decoder.checkIds(promptIds);
  const count = Math.floor(promptIds.length / PAGE_TOKENS);
  if (count === 0) {
    throw new RangeError(
      `A prompt of ${promptIds.length} tokens is too short for a prompt cache: it holds pages of ${PAGE_TOKENS}`,
    );
  }
  const ids = promptIds.slice(0, count * PAGE_TOKENS);
  const { cache } = scheduler;
  const running = scheduler.open({ decoder });
  try {
    await scheduler.advance(running, ids, { ...ANY_DRAW, position: ids.length }, { signal });
    const { sequence } = running;
    if (sequence?.length !== ids.length) {
      const bytes = pageBytes(cache.shape);
      throw new MemoryError(
        "Other requests needed the prompt's pages before they were saved: save it again or load with a larger cache",
        (cache.usedPages + count) * bytes,
        cache.maxPages * bytes,
      );
    }
    return { ids, pages: await cache.readPages(sequence, count) };
  } finally {
    scheduler.close(running);
  }
}

/**
 * Writes them, to a path under a name of its own until the file is whole.
 * @throws {OutputError} if the file cannot be written
 */
export async function savePromptCache(
  prompt: PromptPages,
  owner: PromptCacheOwner,
  to: string | ByteSink,
  options: SavePromptCacheOptions & { readonly inputs?: readonly string[] } = {},
): Promise<SavedPromptCache> {
  if (typeof to !== "string") return await writeTo(to, prompt, owner, options.signal);
  const sink = await openFileSink(to, options);
  try {
    const saved = await writeTo(sink, prompt, owner, options.signal);
    sink.commit();
    return saved;
  } finally {
    sink.abort();
  }
}

async function writeTo(
  sink: ByteSink,
  { ids, pages }: PromptPages,
  owner: PromptCacheOwner,
  signal?: AbortSignal,
): Promise<SavedPromptCache> {
  const digest = new PartsDigest();
  let sizeBytes = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    signal?.throwIfAborted();
    sizeBytes += bytes.length;
    await sink.write(bytes);
  };
  for (const part of [encodeHead(owner, ids), ...pages]) {
    await digest.add(part);
    await write(part);
  }
  await write(await digest.end());
  return { savedTokens: ids.length, sizeBytes };
}
