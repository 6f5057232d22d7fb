/** Ops over a batch in which rows that several sequences begin with stand once. Only attention, for which each sequence is laid out whole, knows of it. */
import type { Batch } from "../batch.ts";
import type { KvCache } from "../kv_cache.ts";
import { DelegatedOps } from "../lora/delegated_ops.ts";
import type { Attention, LatentAttention, Ops } from "../ops.ts";
import type { Tensor } from "../tensor.ts";

/** How rows that are shared make whole sequences. */
export interface SharedRows {
  /** The sequences, each with all of its rows; they have no cache. */
  readonly whole: Batch;
  /** For each row of `whole` the one that stands for it `[whole.rows]`. */
  readonly sources: Int32Array;
  /** For each row its first place in `whole` `[rows]`. */
  readonly places: Int32Array;
}

/**
 * The ops, for a forward pass over rows that are shared: all but attention is done once a row, and every row has the bits
 * that it has in a batch of whole sequences. Over a tape the gradients by keys and values of a shared row are added up in
 * the order of the sequences.
 *
 * @example
 * ```ts
 * import { type Ops, sharedRowOps } from "@aha/runtime/training";
 * // Two sequences of three tokens, the first two of which are the same.
 * function ofPair(ops: Ops): Ops {
 *   const at = (start: number) => ({ sequence: null, start, length: 3, firstPosition: 0 });
 *   return sharedRowOps(ops, {
 *     whole: { rows: 6, segments: [at(0), at(3)] },
 *     sources: Int32Array.of(0, 1, 2, 0, 1, 3),
 *     places: Int32Array.of(0, 1, 2, 5),
 *   });
 * }
 * ```
 */
export function sharedRowOps(ops: Ops, shared: SharedRows): Ops {
  return new SharedRowOps(ops, shared);
}

class SharedRowOps extends DelegatedOps {
  constructor(below: Ops, private readonly shared: SharedRows) {
    super(below);
  }

  override attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    _batch: Batch,
    cache: KvCache | null,
    shape: Attention,
  ): Tensor {
    const [queries, keys, values] = [q, k, v].map((part) => this.#whole(part));
    const out = super.attend(queries, keys, values, this.shared.whole, cache, shape);
    return this.selectRows(out, this.shared.places);
  }

  override latentAttend(
    q: Tensor,
    latent: Tensor,
    _batch: Batch,
    cache: KvCache | null,
    shape: LatentAttention,
  ): Tensor {
    const [queries, latents] = [q, latent].map((part) => this.#whole(part));
    const out = super.latentAttend(queries, latents, this.shared.whole, cache, shape);
    return this.selectRows(out, this.shared.places);
  }

  #whole(rows: Tensor): Tensor {
    return this.selectRows(rows, this.shared.sources);
  }
}
