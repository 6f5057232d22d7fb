/** Ops in which weights have their adapters added: y = W x + scale B A x. The same for inference and for a tape. */
import type { DropoutKey, GradOps } from "../backend/grad_ops.ts";
import type { Ops, Routing } from "../ops.ts";
import type { ExpertBank, Tensor, Weight } from "../tensor.ts";
import type { Adapter, Adapters } from "./adapter.ts";
import { DelegatedOps } from "./delegated_ops.ts";

/** What adapters can be put on: a backend, or a tape over one. */
export interface Adaptable {
  readonly ops: Ops;
  readonly grad: Pick<GradOps, "scale" | "dropout">;
}

/**
 * The ops with adapters. Products with other weights are the bits that they are without, and so is the model when its
 * forward pass runs over `on.ops`: what an adapter is trained against costs no copy. Training gives the key that
 * dropouts draw with, of which `stream` numbers the adapters; inference drops nothing.
 */
export function adaptedOps(
  on: Adaptable,
  adapters: Adapters,
  dropout?: Omit<DropoutKey, "stream">,
): Ops {
  return new AdaptedOps(on, adapters, dropout);
}

class AdaptedOps extends DelegatedOps {
  readonly #streams: ReadonlyMap<string, number>;

  constructor(
    private readonly on: Adaptable,
    private readonly adapters: Adapters,
    private readonly key?: Omit<DropoutKey, "stream">,
  ) {
    super(on.ops);
    this.#streams = new Map([...adapters.keys()].map((name, stream) => [name, stream]));
  }

  override linear(x: Tensor, weight: Weight): Tensor {
    return this.#adapted(x, weight, this.below.linear(x, weight));
  }

  override linears<W extends readonly Weight[]>(
    x: Tensor,
    weights: W,
  ): { readonly [I in keyof W]: Tensor } {
    const outs = this.below.linears(x, weights);
    const adapted = weights.map((weight, i) => this.#adapted(x, weight, outs[i]));
    return adapted as unknown as { readonly [I in keyof W]: Tensor };
  }

  override experts(x: Tensor, routing: Routing, bank: ExpertBank): Tensor {
    const [gate, up, down] = [bank.gate, bank.up, bank.down]
      .map(({ name }) => this.adapters.get(name));
    const hasSome = gate ?? up ?? down;
    return this.below.experts(
      x,
      routing,
      hasSome ? { ...bank, adapters: { gate, up, down } } : bank,
    );
  }

  #adapted(x: Tensor, weight: Weight, out: Tensor): Tensor {
    const adapter = this.adapters.get(weight.name);
    if (!adapter) return out;
    const low = this.below.linear(this.#dropped(x, weight.name, adapter), adapter.a);
    const change = this.below.linear(this.on.grad.scale(low, adapter.scale), adapter.b);
    return this.below.add(out, change);
  }

  #dropped(x: Tensor, name: string, { dropout = 0 }: Adapter): Tensor {
    if (!this.key || dropout === 0) return x;
    const stream = this.#streams.get(name) as number;
    return this.on.grad.dropout(x, dropout, { ...this.key, stream });
  }
}
