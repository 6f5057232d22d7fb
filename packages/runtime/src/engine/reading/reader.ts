/** Reads given tokens for their scores, on caches of their own. Draws nothing, knows no text. */
import { UnsupportedError } from "../../errors.ts";
import type { Score, ScoreOptions } from "../../events.ts";
import { KV_TYPES, type KvCache, type KvType } from "../../kv_cache.ts";
import type { Backend } from "../../ops.ts";
import type { Decoder } from "../decoder.ts";
import { routingRecord } from "../routing_record.ts";
import { StepSize } from "../step_size.ts";
import { scoreTokens } from "./score.ts";

/** Keeps keys apart from those of answers: in f32 unless asked, and without taking their pages. */
export class Reader {
  readonly #caches = new Map<KvType, KvCache>();
  /** Steps of scoring compute the head for each row, so they are measured apart. */
  readonly #stepSize: StepSize;

  constructor(
    private readonly decoder: Decoder,
    private readonly backend: Pick<Backend, "createCache" | "ops">,
    maxStepMs: number,
  ) {
    this.#stepSize = new StepSize(maxStepMs);
  }

  /** Log-probabilities of given tokens; see `Model.score`. With adapters their decoder is given. */
  async score(
    ids: readonly number[],
    options: ScoreOptions,
    decoder: Decoder = this.decoder,
  ): Promise<Score> {
    const { signal, onLogits, kvType } = options;
    const { backend } = this;
    const routing = options.routing ? routingRecord(decoder.model, backend.ops) : undefined;
    const steps = { onLogits, signal, routing };
    const logprobs = Array.from(
      await scoreTokens(decoder, this.#cache(kvType), ids, this.#stepSize, steps),
    );
    const sum = logprobs.reduce((total, value) => total + value, 0);
    const meanNll = logprobs.length > 0 ? -sum / logprobs.length : 0;
    return { ids, logprobs, meanNll, ...(routing ? { routing: routing.layers } : {}) };
  }

  #cache(type: KvType = "f32"): KvCache {
    if (!KV_TYPES.includes(type)) {
      throw new UnsupportedError(`kvType is ${type}, known are ${KV_TYPES.join(", ")}`, type);
    }
    let cache = this.#caches.get(type);
    if (!cache) {
      cache = this.backend.createCache(this.decoder.model.kvShape(type));
      this.#caches.set(type, cache);
    }
    return cache;
  }
}
