/** Saves and restores the prompt caches of a loaded model, for the adapters that a request chooses. Knows no text. */
import type { Decoder } from "../engine/decoder.ts";
import type { Scheduler } from "../engine/scheduler.ts";
import type { ByteSink } from "../gguf/mod.ts";
import type { KvType } from "../kv_cache.ts";
import { adaptedFingerprint } from "./model_fingerprint.ts";
import { checkSource, targetOf } from "./prompt_cache_arguments.ts";
import type { PromptCacheOwner } from "./prompt_cache_file.ts";
import { readPromptCache, type RestoredPromptCache } from "./read_prompt_cache.ts";
import {
  promptPages,
  type SavedPromptCache,
  savePromptCache,
  type SavePromptCacheOptions,
} from "./save_prompt_cache.ts";

/** What a model's prompt caches are made with. */
export interface PromptCacheParts {
  readonly scheduler: Scheduler;
  readonly kvType: KvType;
  readonly numericsId: string;
  /** 32 bytes that tell the model from others, without adapters. */
  readonly fingerprint: () => Promise<Uint8Array<ArrayBuffer>>;
}

/** A decoder and what tells its adapters from others. */
export interface AdaptedDecoder {
  readonly decoder: Decoder;
  readonly adapters: readonly Uint8Array<ArrayBuffer>[];
}

/** Pages go to and come from files here; the scheduler keeps and shares them. */
export class PromptCaches {
  constructor(private readonly parts: PromptCacheParts) {}

  /** See `Model.savePromptCache`. @param model its name, which is no place to write to */
  async save(
    { decoder, adapters }: AdaptedDecoder,
    ids: readonly number[],
    to: string | URL | ByteSink,
    options: SavePromptCacheOptions & { readonly model: string },
  ): Promise<SavedPromptCache> {
    const target = targetOf(to);
    const { signal, model } = options;
    const pages = await promptPages(this.parts.scheduler, ids, { signal, decoder });
    const owner = await this.#owner(adapters);
    return await savePromptCache(pages, owner, target, { ...options, inputs: [model] });
  }

  /** See `Model.restorePromptCache`. `expectOpen` throws where the model was closed meanwhile. */
  async restore(
    { decoder, adapters }: AdaptedDecoder,
    from: string | URL | Blob,
    expectOpen: () => void,
    signal?: AbortSignal,
  ): Promise<RestoredPromptCache> {
    checkSource(from);
    const { scheduler } = this.parts;
    const owner = await this.#owner(adapters);
    const { ids, pages } = await readPromptCache(from, owner, scheduler.cache.maxPages, signal);
    expectOpen();
    return { ids, restoredTokens: scheduler.adopt(ids, pages, decoder) };
  }

  async #owner(adapters: AdaptedDecoder["adapters"]): Promise<PromptCacheOwner> {
    const { scheduler: { decoder: { model } }, kvType, numericsId } = this.parts;
    const fingerprint = await adaptedFingerprint(await this.parts.fingerprint(), adapters);
    const { contextTokens } = model.config;
    return { fingerprint, numericsId, shape: model.kvShape(kvType), contextTokens };
  }
}
