/** The backward passes of routing and experts on wasm: checks shapes, lays out bank and gradients for the core. */
import type { BankGradients, Gradient } from "../../grad_ops.ts";
import type { Routing, RoutingRule } from "../../../ops.ts";
import type { ExpertBank, Tensor, Weight } from "../../../tensor.ts";
import { adapterWords, checkExperts } from "../mixture/run_experts.ts";
import { expectDone, expectSize } from "../ops.ts";
import { addressOf, packedOf } from "../storage.ts";
import type { GradMemory } from "./grad_memory.ts";
import { placeOf } from "./parameters.ts";
import { addWeightGradient, inputGradient } from "./products.ts";

/** The core's address for what is missing. */
const NONE = 0;

/** `GradOps.route`. */
export function routeGradient(
  grad: GradMemory,
  { d, scores }: { readonly d: Tensor; readonly scores?: Tensor },
  x: Tensor,
  gate: Weight,
  rule: RoutingRule,
  { experts, used, expertCount }: Routing,
  into?: Gradient,
): Tensor {
  const [rows] = x.shape;
  expectSize("backward of route: d", d.shape[1], used);
  expectSize("backward of route: rows", d.shape[0], rows);
  if (scores) expectSize("backward of route: scores", scores.shape[1], expertCount);
  // deno-fmt-ignore
  const byLogits = (logits: Tensor, out: Tensor) => grad.core.route_gradient(
    addressOf(logits), addressOf(experts), addressOf(d), scores ? addressOf(scores) : NONE,
    addressOf(out), rows, expertCount, used,
    Number(rule.scoring === "sigmoid"), Number(rule.normalize), rule.scale,
  );
  const logits = grad.ops.linear(x, gate);
  const out = grad.f32(logits.shape);
  expectDone("backward of route", byLogits(logits, out));
  if (into) addWeightGradient(grad, out, x, 1, into);
  return inputGradient(grad, out, gate, 1);
}

/** `GradOps.experts`. */
export function expertsGradient(
  grad: GradMemory,
  d: Tensor,
  x: Tensor,
  routing: Routing,
  bank: ExpertBank,
  into: BankGradients,
): { readonly x: Tensor; readonly weights: Tensor } {
  checkExperts(x, routing, bank);
  const [rows, width] = x.shape;
  expectSize("backward of experts: d", d.shape[1], width);
  expectSize("backward of experts: rows", d.shape[0], rows);
  const { experts, used, weights } = routing;
  const hidden = bank.down.cols;
  const parts = ["gate", "up", "down"] as const;
  const placeFor = ({ name, rows, cols }: Weight, gradient?: Gradient): number => {
    if (!gradient) return NONE;
    expectSize(`backward of experts: rows of ${name}`, gradient.shape[0], rows);
    expectSize(`backward of experts: columns of ${name}`, gradient.shape[1], cols);
    return placeOf(gradient).address;
  };
  const addresses = parts.map((part) => placeFor(bank[part], into[part]));
  const adapterAddresses = parts.flatMap((part) => {
    const [adapter, places] = [bank.adapters?.[part], into.adapters?.[part]];
    return adapter
      ? [placeFor(adapter.a, places?.a), placeFor(adapter.b, places?.b)]
      : [NONE, NONE];
  });
  const out = { x: grad.f32(x.shape), weights: grad.f32([rows, used]) };
  using _room = grad.ops.scope();
  const banks = grad.i32(parts.flatMap((part) => {
    const { typeId, address } = packedOf(bank[part]);
    return [typeId, address];
  }));
  const adapters = bank.adapters ? grad.i32(adapterWords(bank)) : NONE;
  const roomBytes = grad.core.experts_gradient_room(rows, width, hidden, adapters) >>> 0;
  const room = grad.arena.allocate(roomBytes);
  // deno-fmt-ignore
  const status = grad.core.experts_gradient(
    banks, addressOf(d), addressOf(x), addressOf(experts), addressOf(weights),
    addressOf(out.x), addressOf(out.weights), grad.i32(addresses), room,
    rows, used, bank.experts, width, hidden, adapters, grad.i32(adapterAddresses),
  );
  expectDone("backward of experts", status);
  return out;
}
