/** Ops in which weights have their adapters added: y = W x + scale B A x. The same for inference and for a tape. */
import type { DropoutKey, GradOps } from "../grad_ops.ts";
import type { Ops, Routing } from "../ops.ts";
import type { ExpertBank, Tensor, Weight } from "../tensor.ts";
import type { Adapter, Adapters } from "./adapter.ts";
import { DelegatedOps } from "./delegated_ops.ts";

/** Ops that adapters can be put on: a backend's own, or those of a tape. */
export type AdaptableOps = Ops & { readonly grad: Pick<GradOps, "scale" | "dropout"> };

/**
 * The ops with adapters. Products with other weights are the bits that they are without, and so is the model when its
 * forward pass runs over `ops` itself: what an adapter is trained against costs no copy. Training gives the key that
 * dropouts draw with, of which `stream` numbers the adapters; inference drops nothing.
 */
export function adaptedOps(
  ops: AdaptableOps,
  adapters: Adapters,
  dropout?: Omit<DropoutKey, "stream">,
): Ops {
  return new AdaptedOps(ops, adapters, dropout);
}

class AdaptedOps extends DelegatedOps {
  readonly #streams: ReadonlyMap<string, number>;

  constructor(
    private readonly ops: AdaptableOps,
    private readonly adapters: Adapters,
    private readonly key?: Omit<DropoutKey, "stream">,
  ) {
    super(ops);
    this.#streams = new Map([...adapters.keys()].map((name, stream) => [name, stream]));
  }

  override linear(x: Tensor, weight: Weight): Tensor {
    return this.#adapted(x, weight, this.ops.linear(x, weight));
  }

  override linears<W extends readonly Weight[]>(
    x: Tensor,
    weights: W,
  ): { readonly [I in keyof W]: Tensor } {
    const outs = this.ops.linears(x, weights);
    const adapted = weights.map((weight, i) => this.#adapted(x, weight, outs[i]));
    return adapted as unknown as { readonly [I in keyof W]: Tensor };
  }

  override experts(x: Tensor, routing: Routing, bank: ExpertBank): Tensor {
    const [gate, up, down] = [bank.gate, bank.up, bank.down]
      .map(({ name }) => this.adapters.get(name));
    const hasSome = gate ?? up ?? down;
    return this.ops.experts(
      x,
      routing,
      hasSome ? { ...bank, adapters: { gate, up, down } } : bank,
    );
  }

  #adapted(x: Tensor, weight: Weight, out: Tensor): Tensor {
    const adapter = this.adapters.get(weight.name);
    if (!adapter) return out;
    const low = this.ops.linear(this.#dropped(x, weight.name, adapter), adapter.a);
    const change = this.ops.linear(this.ops.grad.scale(low, adapter.scale), adapter.b);
    return this.ops.add(out, change);
  }

  #dropped(x: Tensor, name: string, { dropout = 0 }: Adapter): Tensor {
    if (!this.key || dropout === 0) return x;
    const stream = this.#streams.get(name) as number;
    return this.ops.grad.dropout(x, dropout, { ...this.key, stream });
  }
}
