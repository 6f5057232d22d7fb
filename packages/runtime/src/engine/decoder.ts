/** Runs forward passes for inference: one step over tokens of several sequences at once. Chooses no work and keeps none. */
import { makeBatch, type SegmentInput } from "../batch.ts";
import type { CachedSequence, KvCache } from "../kv_cache.ts";
import type { LanguageModel, Trace } from "../model/language_model.ts";
import type { Draw, Drawn, Ops, TokenLogprob } from "../ops.ts";
import type { Tensor } from "../tensor.ts";
import type { ExpertLoad } from "./expert_load.ts";
import { GateWatch, traceOf } from "./routing_record.ts";

/** Rows of a step: enough to use the weights well, few enough to keep activations small. */
export const CHUNK_ROWS = 256;
/** Logits that stand in memory at a time: those of many sequences would outgrow the activations. */
const LOGITS_BYTES = 16 << 20;

/** Tokens that a step appends to a sequence, and how to draw after the last of them. */
export interface Feed {
  readonly sequence: CachedSequence;
  readonly ids: ArrayLike<number>;
  /** Draws after the last tokens, the last one after all of them; none where a prompt goes on. */
  readonly draws?: readonly Draw[];
  /** The token after the last one, where it is known before anything is drawn: a prompt goes on. */
  readonly next?: number;
  /** Told before the step resolves: the states `[draws, C]` of the tokens that something is drawn after. */
  readonly onStates?: (states: Float32Array) => void;
  /** Told before the step resolves: the states `[tokens, C]` of all its tokens. */
  readonly onAllStates?: (states: Float32Array) => void;
  /** Where nothing is drawn: told before the step resolves whether the state of its last token is finite. */
  readonly onFed?: (isFinite: boolean) => void;
  /** Told before the step resolves: the first layer whose gate has a score that is not finite, and for which position. */
  readonly onUnrouted?: (layer: number, position: number) => void;
}

/** A token as it was drawn. */
export interface DrawnToken {
  /** `NOT_FINITE` or `NONE_LEFT` where none could be drawn. */
  readonly id: number;
  /** log-softmax of the raw logits at `id`. */
  readonly logprob: number;
  /** The most probable tokens, where the draw asks for them. */
  readonly alternatives?: readonly TokenLogprob[];
}

/** A step under way. */
interface Enqueued {
  readonly drawn: readonly Promise<Drawn>[];
  readonly told: readonly Promise<void>[];
}

/** A model with its ops. */
export class Decoder {
  /** What is watched of this decoder and of those `over` other ops. */
  readonly watched: {
    /** Counts the experts that tokens go to, where somebody wants to know. */
    expertLoad?: ExpertLoad;
  } = {};

  constructor(
    readonly model: LanguageModel,
    readonly ops: Ops,
    readonly contextTokens: number,
    private readonly logitsBytes: number = LOGITS_BYTES,
  ) {}

  /** The same model over other ops: with adapters. */
  over(ops: Ops): Decoder {
    const { watched } = this;
    return Object.assign(new Decoder(this.model, ops, this.contextTokens, this.logitsBytes), {
      watched,
    });
  }

  /**
   * One forward pass over all feeds; gives the tokens of all their draws, in order. What a sequence draws does not
   * depend on the others, nor on the tokens after a draw's own. The scope closes before anything is awaited, since another request may step meanwhile.
   * @throws {MemoryError} when the cache may not grow; nothing is appended then
   */
  async step(cache: KvCache, feeds: readonly Feed[]): Promise<DrawnToken[]> {
    const { drawn, told } = this.#enqueue(cache, feeds);
    const [tokens] = await Promise.all([Promise.all(drawn), Promise.all(told)]);
    return tokens.flatMap(tokensOf);
  }

  #enqueue(cache: KvCache, feeds: readonly Feed[]): Enqueued {
    using _step = this.ops.scope();
    const gates = new GateWatch(this.ops);
    const hidden = this.forward(cache, feeds, traceOf(gates, this.watched.expertLoad));
    const rows: number[] = [];
    const draws: Draw[] = [];
    let end = 0;
    for (const { ids, draws: own = [] } of feeds) {
      end += ids.length;
      for (let row = end - own.length; row < end; row++) rows.push(row);
      draws.push(...own);
    }
    const told = [
      ...this.#tellFed(hidden, feeds),
      ...this.#tellStates(hidden, feeds),
      ...tellUnrouted(gates, feeds),
    ];
    this.#follow(cache, feeds, hidden);
    return { drawn: this.#sample(hidden, rows, draws), told };
  }

  /** Runs the layer for multi-token prediction over the tokens whose next one is known. */
  #follow(cache: KvCache, feeds: readonly Feed[], hidden: Tensor): void {
    const { multiToken } = this.model;
    if (!multiToken) return;
    const rows: number[] = [];
    const inputs: SegmentInput[] = [];
    let end = 0;
    for (const { sequence, ids, next } of feeds) {
      const after = Array.from(ids).slice(1);
      if (next !== undefined) after.push(next);
      after.forEach((_, i) => rows.push(end + i));
      end += ids.length;
      const firstPosition = sequence.length - ids.length;
      if (after.length > 0) inputs.push({ sequence, ids: after, firstPosition });
    }
    if (inputs.length === 0) return;
    const { batch, ids } = makeBatch(inputs);
    using _layer = this.ops.scope();
    multiToken.forward({ ops: this.ops, batch, cache }, this.ops.selectRows(hidden, rows), ids);
  }

  #tellStates(hidden: Tensor, feeds: readonly Feed[]): Promise<void>[] {
    let end = 0;
    return feeds.flatMap(({ ids, draws = [], onStates, onAllStates }) => {
      end += ids.length;
      const tell = (count: number, told?: (states: Float32Array) => void) => {
        if (!told || count === 0) return [];
        const rows = Array.from({ length: count }, (_, i) => end - count + i);
        return [this.ops.read(this.ops.selectRows(hidden, rows)).then(told)];
      };
      return [...tell(draws.length, onStates), ...tell(ids.length, onAllStates)];
    });
  }

  /** What is not finite spoils all later states of its sequence, so the last one tells of all that were fed. */
  #tellFed(hidden: Tensor, feeds: readonly Feed[]): Promise<void>[] {
    let end = 0;
    return feeds.flatMap(({ ids, draws = [], onFed }) => {
      end += ids.length;
      if (!onFed || draws.length > 0) return [];
      const state = this.ops.read(this.ops.selectRows(hidden, [end - 1]));
      return state.then((numbers) => onFed(numbers.every(Number.isFinite)));
    });
  }

  #sample(hidden: Tensor, rows: readonly number[], draws: readonly Draw[]): Promise<Drawn>[] {
    const atOnce = Math.max(1, Math.floor(this.logitsBytes / (4 * this.model.config.vocabulary)));
    const drawn: Promise<Drawn>[] = [];
    for (let start = 0; start < rows.length; start += atOnce) {
      using _part = this.ops.scope();
      const last = this.ops.selectRows(hidden, rows.slice(start, start + atOnce));
      const logits = this.ops.linear(last, this.model.head);
      drawn.push(this.ops.sample(logits, draws.slice(start, start + atOnce)));
    }
    return drawn;
  }

  /** Appends the feeds to their sequences; gives the hidden states of their tokens `[rows, C]` in the open scope. */
  forward(cache: KvCache, feeds: readonly Feed[], trace?: Trace): Tensor {
    const inputs = feeds.map(({ sequence, ids }) => ({
      ...{ sequence, ids, firstPosition: sequence.length },
    }));
    extendAll(cache, inputs);
    const { batch, ids } = makeBatch(inputs);
    return this.model.forward(this.ops, ids, batch, cache, trace);
  }

  /** @throws {RangeError} naming the first id that is no whole number of the vocabulary. */
  checkIds(ids: ArrayLike<number>): void {
    const { vocabulary } = this.model.config;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      if (Number.isInteger(id) && id >= 0 && id < vocabulary) continue;
      throw new RangeError(`Token id ${id} is outside the vocabulary of ${vocabulary}`);
    }
  }
}

/** What a gate has not scored is not finite from its layer on: who is told of that otherwise learns the reason here. */
function tellUnrouted(gates: GateWatch, feeds: readonly Feed[]): Promise<void>[] {
  let end = 0;
  return feeds.map(async ({ sequence, ids, onUnrouted }) => {
    const start = end;
    const firstPosition = sequence.length - ids.length;
    const unrouted = await gates.firstUnrouted(start, end += ids.length);
    if (unrouted) onUnrouted?.(unrouted.layer, firstPosition + unrouted.row - start);
  });
}

/** All or none: a sequence that has grown without being fed would hold keys of nothing. */
function extendAll(cache: KvCache, inputs: readonly (SegmentInput & Feed)[]): void {
  let extended = 0;
  try {
    for (const { sequence, ids } of inputs) {
      cache.extend(sequence, ids.length);
      extended++;
    }
  } catch (error) {
    for (const { sequence, firstPosition } of inputs.slice(0, extended)) {
      cache.truncate(sequence, firstPosition);
    }
    throw error;
  }
}

function tokensOf({ ids, logprobs, alternatives }: Drawn): DrawnToken[] {
  return Array.from(ids, (id, row) => {
    const top = alternatives?.[row] ?? [];
    return { id, logprob: logprobs[row], ...(top.length > 0 ? { alternatives: top } : {}) };
  });
}
