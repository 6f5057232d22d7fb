/** Ops over a batch in which rows that several sequences begin with stand once. Only attention, for which each sequence is laid out whole, knows of it. */
import {
  type Attention,
  type Batch,
  DelegatedOps,
  type KvCache,
  type LatentAttention,
  type Ops,
  type Tensor,
} from "@aha/runtime/training";

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
