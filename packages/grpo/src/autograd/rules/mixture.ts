/** Back through a mixture of experts: through the experts and, by the weights they got, through the gate. What was chosen
 * stays as it is. */
import type { AdapterGradients, BankAdapter } from "@aha/runtime/training";
import type { GradientPlaces, Rule } from "../recorder.ts";

/** The choice has no gradient, its weights have. */
export const route: Rule<"route"> = (tape, x, gate, rule) => {
  const { inner, grad, places, note } = tape;
  const routing = inner.route(x, gate, rule);
  tape.routed(x, gate, rule, routing);
  const into = places.ofWeight(gate, "product");
  note({
    inputs: [x],
    outputs: [routing.weights],
    into: [into],
    backward([d]) {
      return [grad.route(d, x, gate, rule, routing, into, tape.scoreGradient(rule.layer))];
    },
  });
  return routing;
};

/** By the rows and by the experts' weights. */
export const experts: Rule<"experts"> = ({ inner, grad, places, note }, x, routing, bank) => {
  const out = inner.experts(x, routing, bank);
  const into = {
    gate: places.ofWeight(bank.gate, "product"),
    up: places.ofWeight(bank.up, "product"),
    down: places.ofWeight(bank.down, "product"),
    adapters: {
      gate: adapterPlaces(places, bank.adapters?.gate),
      up: adapterPlaces(places, bank.adapters?.up),
      down: adapterPlaces(places, bank.adapters?.down),
    },
  };
  const pairs = Object.values(into.adapters).flatMap((pair) => [pair?.a, pair?.b]);
  note({
    inputs: [x, routing.weights],
    outputs: [out],
    into: [into.gate, into.up, into.down, ...pairs],
    backward([d]) {
      const by = grad.experts(d, x, routing, bank, into);
      return [by.x, by.weights];
    },
  });
  return out;
};

function adapterPlaces(
  places: GradientPlaces,
  adapter?: BankAdapter,
): AdapterGradients | undefined {
  if (!adapter) return undefined;
  return { a: places.ofWeight(adapter.a, "product"), b: places.ofWeight(adapter.b, "product") };
}
