/** All ops as the ones below them; who changes some extends this. Computes nothing. */
import type { Batch } from "../batch.ts";
import type { KvCache } from "../kv_cache.ts";
import type {
  Attention,
  Draw,
  Drawn,
  LatentAttention,
  Ops,
  Rope,
  Routing,
  RoutingRule,
  RowDraws,
  Scope,
} from "../ops.ts";
import type { ExpertBank, Tensor, Weight } from "../tensor.ts";

/** Hands each call on. */
export class DelegatedOps implements Ops {
  constructor(protected readonly below: Ops) {}

  scope(): Scope {
    return this.below.scope();
  }

  checkpoint(run: () => Tensor): Tensor {
    return this.below.checkpoint(run);
  }

  tensor(values: Float32Array, shape: readonly number[]): Tensor {
    return this.below.tensor(values, shape);
  }

  embed(ids: Int32Array, table: Weight): Tensor {
    return this.below.embed(ids, table);
  }

  linear(x: Tensor, weight: Weight): Tensor {
    return this.below.linear(x, weight);
  }

  linears<W extends readonly Weight[]>(x: Tensor, weights: W): { readonly [I in keyof W]: Tensor } {
    return this.below.linears(x, weights);
  }

  headLinear(x: Tensor, weight: Weight, heads: number): Tensor {
    return this.below.headLinear(x, weight, heads);
  }

  splitHeads(x: Tensor, heads: number, sizes: readonly number[]): Tensor[] {
    return this.below.splitHeads(x, heads, sizes);
  }

  joinHeads(parts: readonly Tensor[], heads: number, sizes: readonly number[]): Tensor {
    return this.below.joinHeads(parts, heads, sizes);
  }

  rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
    return this.below.rmsNorm(x, gain, epsilon);
  }

  rope(x: Tensor, batch: Batch, rope: Rope): Tensor {
    return this.below.rope(x, batch, rope);
  }

  attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    batch: Batch,
    cache: KvCache | null,
    shape: Attention,
  ): Tensor {
    return this.below.attend(q, k, v, batch, cache, shape);
  }

  latentAttend(
    q: Tensor,
    latent: Tensor,
    batch: Batch,
    cache: KvCache | null,
    shape: LatentAttention,
  ): Tensor {
    return this.below.latentAttend(q, latent, batch, cache, shape);
  }

  swiglu(gate: Tensor, up: Tensor): Tensor {
    return this.below.swiglu(gate, up);
  }

  route(x: Tensor, gate: Weight, rule: RoutingRule): Routing {
    return this.below.route(x, gate, rule);
  }

  experts(x: Tensor, routing: Routing, bank: ExpertBank): Tensor {
    return this.below.experts(x, routing, bank);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.below.add(a, b);
  }

  selectRows(x: Tensor, indices: ArrayLike<number>): Tensor {
    return this.below.selectRows(x, indices);
  }

  tokenLogprobs(x: Tensor, head: Weight, targets: Int32Array, temperature: number): Tensor {
    return this.below.tokenLogprobs(x, head, targets, temperature);
  }

  sample(logits: Tensor, draws: readonly Draw[]): Promise<Drawn> {
    return this.below.sample(logits, draws);
  }

  drawRows(logits: Tensor, draws: RowDraws): Promise<Drawn> {
    return this.below.drawRows(logits, draws);
  }

  read(tensor: Tensor): Promise<Float32Array> {
    return this.below.read(tensor);
  }

  readInts(tensor: Tensor): Promise<Int32Array> {
    return this.below.readInts(tensor);
  }
}
