/** The backward passes of routing and experts: slopes of their forwards, same bits for threads and parts of the rows. */
import { assertThrows } from "@std/assert";
import {
  checkBits,
  checkSlopes,
  type GradientCase,
  type Part,
  rowsOf,
  weightOf,
} from "../../../../../../tests/support/gradient_case.ts";
import type { Ops, Routing, RoutingRule } from "../../../ops.ts";
import type { Tensor, Weight } from "../../../tensor.ts";
import { createWasmBackend } from "../backend.ts";

const [EXPERTS, USED] = [6, 2];

/** A rule that sends row i of the whole batch to the same experts whatever its scores are. */
function ruleOf(rows: number, { start, end }: Part, rest: Partial<RoutingRule> = {}): RoutingRule {
  const all = Int32Array.from({ length: rows * USED }, (_, i) => {
    const row = i >> 1;
    return i % 2 === 0 ? row % 3 : 3 + (row * 5 % 7) % 3;
  });
  return {
    ...{ layer: 0, used: USED, scoring: "softmax", groups: 1, groupsUsed: 1, groupScore: "max" },
    ...{ normalize: false, scale: 1, forced: all.slice(start * USED, end * USED), ...rest },
  };
}

function route(rows: number, cols: number, rest: Partial<RoutingRule>): GradientCase {
  return {
    rows,
    inputs: { x: rowsOf(rows, cols, 1), gate: weightOf(EXPERTS, cols, 2) },
    forward: (ops, { tensors, weights }, part) =>
      ops.route(tensors.x, weights.gate, ruleOf(rows, part, rest)).weights,
    backward: (grad, d, { tensors: { x }, weights: { gate }, gradients }, part, ops) => {
      const rule = ruleOf(rows, part, rest);
      const routing = ops.route(x, gate, rule);
      return { x: grad.route(d, x, gate, rule, routing, gradients.gate) };
    },
  };
}

function experts(rows: number, width: number, hidden: number): GradientCase {
  const bank = (weights: Readonly<Record<string, Weight>>) => {
    const { gate, up, down } = weights;
    return { experts: EXPERTS, gate, up, down };
  };
  const routing = (ops: Ops, x: Tensor, router: Weight, weights: Tensor, part: Part): Routing => ({
    ...ops.route(x, router, ruleOf(rows, part)),
    weights,
  });
  return {
    rows,
    inputs: {
      x: rowsOf(rows, width, 3),
      weights: rowsOf(rows, USED, 4),
      gate: weightOf(EXPERTS * hidden, width, 5, EXPERTS),
      up: weightOf(EXPERTS * hidden, width, 6, EXPERTS),
      down: weightOf(EXPERTS * width, hidden, 7, EXPERTS),
    },
    forward: (ops, { tensors: { x, weights }, weights: all }, part) => {
      // Any weight of E rows routes: ids are forced.
      const router = { ...all.gate, rows: EXPERTS };
      return ops.experts(x, routing(ops, x, router, weights, part), bank(all));
    },
    backward: (grad, d, { tensors: { x, weights }, weights: all, gradients }, part, ops) => {
      const router = { ...all.gate, rows: EXPERTS };
      const { gate, up, down } = gradients;
      const own = routing(ops, x, router, weights, part);
      return { ...grad.experts(d, x, own, bank(all), { gate, up, down }) };
    },
  };
}

Deno.test("route: gradients are the slopes for each kind of scores and weights", async () => {
  for (const scoring of ["softmax", "sigmoid"] as const) {
    await checkSlopes(route(5, 4, { scoring, scale: 1.5 }));
    await checkSlopes(route(5, 4, { scoring, normalize: true, scale: 2.5 }));
  }
});

Deno.test("route: threads and parts of the rows change no bit", async () => {
  await checkBits(route(1500, 16, { scoring: "sigmoid", normalize: true }), [700]);
});

Deno.test("routeScores: their gradient is the slope", async () => {
  for (const scoring of ["softmax", "sigmoid"] as const) {
    const rows = 4;
    const backend = await createWasmBackend({ threads: 1, maxBytes: 64 << 20 });
    const scores: GradientCase = {
      rows,
      inputs: { x: rowsOf(rows, 3, 8), gate: weightOf(EXPERTS, 3, 9) },
      forward: (ops, { tensors, weights }, part) => {
        // The weights of all experts, without normalising, are the scores.
        const forced = Int32Array.from({ length: rows * EXPERTS }, (_, i) => i % EXPERTS);
        const rule = ruleOf(rows, part, { scoring, used: EXPERTS, forced });
        return ops.route(tensors.x, weights.gate, rule).weights;
      },
      backward: (grad, d, { tensors: { x }, weights: { gate }, gradients }, part, ops) => {
        const rule = ruleOf(rows, part, { scoring });
        const none = ops.tensor(new Float32Array(rows * USED), [rows, USED]);
        const routing = ops.route(x, gate, rule);
        return { x: grad.route(none, x, gate, rule, routing, gradients.gate, d) };
      },
    };
    await checkSlopes(scores);
    await backend.close();
  }
});

Deno.test("experts: gradients are the slopes", async () => {
  await checkSlopes(experts(5, 4, 3));
});

Deno.test("experts: threads and parts of the rows change no bit", async () => {
  await checkBits(experts(900, 24, 40), [1, 333]);
});

Deno.test("experts: a gradient of another shape is refused", async () => {
  const backend = await createWasmBackend({ threads: 1, maxBytes: 64 << 20 });
  const { ops, grad } = backend;
  const of = experts(2, 4, 3);
  const make = (name: "gate" | "up" | "down"): Weight => {
    const { shape, values, matrices } = of.inputs[name];
    return grad.createWeight(name, shape[0], shape[1], values, matrices);
  };
  const bank = { experts: EXPERTS, gate: make("gate"), up: make("up"), down: make("down") };
  const x = ops.tensor(of.inputs.x.values, [2, 4]);
  const router = { ...bank.gate, rows: EXPERTS };
  const routing = ops.route(x, router, ruleOf(2, { start: 0, end: 2 }));
  const wrong = { gate: grad.createGradient(bank.down) };
  assertThrows(() => grad.experts(x, x, routing, bank, wrong), RangeError, "rows of gate");
  await backend.close();
});
