/** Reads a prompt cache's file and believes it only when its checksum fits. Changes no cache. */
import { type ByteSource, openSource } from "../gguf/mod.ts";
import { PAGE_TOKENS, pageBytes } from "../kv_cache.ts";
import {
  checkHead,
  HEAD_BYTES,
  noPromptCache,
  PartsDigest,
  type PromptCacheOwner,
  refusal,
} from "./prompt_cache_file.ts";
import type { PromptPages } from "./save_prompt_cache.ts";

/** What `restorePromptCache` found. */
export interface RestoredPromptCache {
  /** The tokens of the file. */
  readonly ids: readonly number[];
  /** How many of them the cache holds now: whole pages, fewer than the file's where the cache is smaller. */
  readonly restoredTokens: number;
}

/**
 * All ids of a file and its first pages, `mostPages` of them.
 * @throws {SourceError} if it cannot be read
 * @throws {PromptCacheError} if it is damaged or belongs to another owner
 */
export async function readPromptCache(
  from: string | URL | Blob,
  owner: PromptCacheOwner,
  mostPages: number,
  signal?: AbortSignal,
): Promise<PromptPages> {
  const source = await openSource(from, { signal });
  try {
    return await readFrom(source, owner, mostPages, signal);
  } finally {
    await source.close();
  }
}

async function readFrom(
  source: ByteSource,
  owner: PromptCacheOwner,
  mostPages: number,
  signal?: AbortSignal,
): Promise<PromptPages> {
  let at = 0;
  const read = async (bytes: number): Promise<Uint8Array<ArrayBuffer>> => {
    const part = new Uint8Array(bytes);
    await source.read(at, part, signal);
    at += bytes;
    return part;
  };
  const head = await read(Math.min(HEAD_BYTES, source.sizeBytes));
  if (head.length < HEAD_BYTES) throw noPromptCache(source.name);
  const tokens = checkHead(head, owner, source);
  const idBytes = await read(4 * tokens);
  const digest = new PartsDigest();
  const start = new Uint8Array(head.length + idBytes.length);
  start.set(head);
  start.set(idBytes, head.length);
  await digest.add(start);
  const pages: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < tokens / PAGE_TOKENS; i++) {
    const page = await read(pageBytes(owner.shape));
    await digest.add(page);
    if (i < mostPages) pages.push(page);
  }
  const wanted = await digest.end();
  const stored = await read(wanted.length);
  if (!wanted.every((byte, i) => stored[i] === byte)) {
    throw refusal(source.name, "it is damaged: its checksum differs");
  }
  const view = new DataView(idBytes.buffer);
  const ids = Array.from({ length: tokens }, (_, i) => view.getUint32(4 * i, true));
  return { ids, pages };
}
