/** The backward passes of routing and experts on wasm: checks shapes, lays out bank and gradients for the core. */
import type { BankGradients, Gradient } from "../../grad_ops.ts";
import type { Routing, RoutingRule } from "../../../ops.ts";
import type { ExpertBank, Tensor, Weight } from "../../../tensor.ts";
import { checkExperts } from "../mixture/run_experts.ts";
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
  const addresses = parts.map((part) => {
    const gradient = into[part];
    if (!gradient) return NONE;
    expectSize(`backward of experts: rows of ${part}`, gradient.shape[0], bank[part].rows);
    expectSize(`backward of experts: columns of ${part}`, gradient.shape[1], bank[part].cols);
    return placeOf(gradient).address;
  });
  const out = { x: grad.f32(x.shape), weights: grad.f32([rows, used]) };
  using _room = grad.ops.scope();
  const banks = grad.i32(parts.flatMap((part) => {
    const { typeId, address } = packedOf(bank[part]);
    return [typeId, address];
  }));
  const room = grad.arena.allocate(grad.core.experts_gradient_room(rows, width, hidden) >>> 0);
  // deno-fmt-ignore
  const status = grad.core.experts_gradient(
    banks, addressOf(d), addressOf(x), addressOf(experts), addressOf(weights),
    addressOf(out.x), addressOf(out.weights), grad.i32(addresses), room,
    rows, used, bank.experts, width, hidden,
  );
  expectDone("backward of experts", status);
  return out;
}
