/** Opens a model file below the library's surface: backend, architecture and cache, for tests that look inside. */
import {
  createWasmBackend,
  type WasmBackendOptions,
} from "../../packages/runtime/src/backend/wasm/backend.ts";
import { makeBatch } from "../../packages/runtime/src/batch.ts";
import { openGguf } from "../../packages/runtime/src/gguf/mod.ts";
import type { CachedSequence, KvCache, KvType } from "../../packages/runtime/src/kv_cache.ts";
import { planModel } from "../../packages/runtime/src/load_model.ts";
import { findArchitecture } from "../../packages/runtime/src/model/architectures.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
import type { LanguageModel, Trace } from "../../packages/runtime/src/model/language_model.ts";
import type { Backend } from "../../packages/runtime/src/ops.ts";
import { GgufParameters } from "../../packages/runtime/src/parameter_source.ts";

/** How to open it: what a backend takes, and a form of latent attention. */
export interface FixtureOptions extends WasmBackendOptions {
  readonly latentForm?: LatentForm;
}

/** A model with its backend; closes with `await using`. */
export class FixtureModel {
  private constructor(readonly backend: Backend, readonly model: LanguageModel) {}

  static async open(path: string, options: FixtureOptions = {}): Promise<FixtureModel> {
    return await FixtureModel.on(await createWasmBackend(options), path, options.latentForm);
  }

  /** Opens it on any backend, which it closes in the end. */
  static async on(
    backend: Backend,
    path: string,
    latentForm?: LatentForm,
  ): Promise<FixtureModel> {
    const { gguf, source } = await openGguf(path);
    try {
      const { config } = planModel(gguf, { latentForm, multiToken: true });
      const parameters = new GgufParameters(gguf, source, backend, {});
      const model = await findArchitecture(config.architecture)(config, parameters, backend.ops);
      parameters.expectAllUsed();
      return new FixtureModel(backend, model);
    } finally {
      await source.close();
    }
  }

  cache(type: KvType = "f32"): KvCache {
    return this.backend.createCache(this.model.kvShape(type));
  }

  /** Logits of all positions `[T, V]` of one sequence, fed at once into a fresh cache or into none. */
  async logits(ids: readonly number[], cached = true, trace?: Trace): Promise<Float32Array> {
    const cache = cached ? this.cache() : null;
    const sequence = cache?.create() ?? null;
    const out = await this.feed(cache, [{ sequence, ids }], trace);
    cache?.clear();
    return out[0];
  }

  /** Logits of all new positions of each sequence, fed as one ragged batch. */
  async feed(
    cache: KvCache | null,
    inputs: readonly { sequence: CachedSequence | null; ids: readonly number[] }[],
    trace?: Trace,
  ): Promise<Float32Array[]> {
    const { ops } = this.backend;
    const placed = inputs.map(({ sequence, ids }) => {
      const firstPosition = sequence?.length ?? 0;
      if (cache && sequence) cache.extend(sequence, ids.length);
      return { sequence, ids, firstPosition };
    });
    const { batch, ids } = makeBatch(placed);
    using _step = ops.scope();
    const hidden = this.model.forward(ops, ids, batch, cache, trace);
    const logits = await ops.read(ops.linear(hidden, this.model.head));
    const { vocabulary } = this.model.config;
    return batch.segments.map(({ start, length }) =>
      logits.slice(start * vocabulary, (start + length) * vocabulary)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend.close();
  }
}
