/** A mixture's gate and experts, forward and backward, by plain loops in float64. */
import type {
  AdapterGradients,
  BankGradients,
  Gradient,
} from "../../../packages/runtime/src/backend/grad_ops.ts";
import type { Routing, RoutingRule } from "../../../packages/runtime/src/ops.ts";
import type {
  BankAdapter,
  ExpertBank,
  Tensor,
  Weight,
} from "../../../packages/runtime/src/tensor.ts";
import { add, scale, sigmoid, swiglu, swigluGradient } from "./elementwise.ts";
import { productGradients, products } from "./linear.ts";
import { rearranging } from "./heads.ts";
import { addTo, intsOf, sizesOf, valuesOf, wholeNumbersOf, zeros } from "./values.ts";

/** Scores a row and takes the best experts. */
export function route(x: Tensor, gate: Weight, rule: RoutingRule): Routing {
  const [rows] = sizesOf(x);
  const { used, forced } = rule;
  const ids = new Int32Array(rows * used);
  const { tensor: weights, values } = zeros([rows, used]);
  scoresOf(x, gate, rule).forEach((scores, row) => {
    const own = forced?.subarray(row * used, (row + 1) * used) ?? chosen(scores, rule);
    ids.set(own, row * used);
    const raw = Array.from(own, (expert) => scores[expert]);
    const total = rule.normalize ? raw.reduce((a, b) => a + b, 0) + 1e-20 : 1;
    raw.forEach((score, i) => values[row * used + i] = score / total * rule.scale);
  });
  const experts = intsOf(ids, [rows, used]);
  return { rows, used, expertCount: gate.rows, experts, weights };
}

/** The weights' gradients through normalization and scores; the choice is taken as it is. */
export function routeGradient(
  d: Tensor,
  x: Tensor,
  gate: Weight,
  rule: RoutingRule,
  routing: Routing,
  into?: Gradient,
  byScores?: Tensor,
): Tensor {
  const { used, experts } = routing;
  const byLogit = zeros([routing.rows, gate.rows]);
  scoresOf(x, gate, rule).forEach((scores, row) => {
    const ids = wholeNumbersOf(experts).subarray(row * used, (row + 1) * used);
    const slopes = valuesOf(d).subarray(row * used, (row + 1) * used);
    const byScore = new Float64Array(gate.rows);
    const raw = Array.from(ids, (expert) => scores[expert]);
    const total = rule.normalize ? raw.reduce((a, b) => a + b, 0) + 1e-20 : 1;
    const mean = rule.normalize ? raw.reduce((sum, s, i) => sum + s * slopes[i], 0) / total : 0;
    ids.forEach((expert, i) => byScore[expert] = rule.scale * (slopes[i] - mean) / total);
    const first = row * gate.rows;
    if (byScores) addTo(byScore, valuesOf(byScores).subarray(first, first + gate.rows));
    const all = scores.reduce((sum, score, expert) => sum + score * byScore[expert], 0);
    scores.forEach((score, expert) => {
      byLogit.values[row * gate.rows + expert] = rule.scoring === "sigmoid"
        ? byScore[expert] * score * (1 - score)
        : score * (byScore[expert] - all);
    });
  });
  if (into) productGradients.linearWeight(byLogit.tensor, x, into);
  return productGradients.linearInput(byLogit.tensor, gate);
}

/** What experts are ranked by, the bias apart. */
export function routeScores(x: Tensor, gate: Weight, scoring: RoutingRule["scoring"]): Tensor {
  const { tensor, values } = zeros([x.shape[0], gate.rows]);
  scoresOf(x, gate, { scoring }).forEach((scores, row) => values.set(scores, row * gate.rows));
  return tensor;
}

/** For each row the weighted sum over its experts. */
export function experts(x: Tensor, routing: Routing, bank: ExpertBank): Tensor {
  const { tensor, values } = zeros(x.shape);
  const [, cols] = sizesOf(x);
  forExperts(x, routing, bank, {}, ({ input, places, rows, parts: { gate, up, down } }) => {
    const out = down.forward(swiglu(gate.forward(input), up.forward(input)));
    rows.forEach((row, i) => {
      const weight = valuesOf(routing.weights)[places[i]];
      for (let c = 0; c < cols; c++) values[row * cols + c] += weight * valuesOf(out)[i * cols + c];
    });
  });
  return tensor;
}

/** Gradients by the rows and by the experts' weights. */
export function expertsGradient(
  d: Tensor,
  x: Tensor,
  routing: Routing,
  bank: ExpertBank,
  into: BankGradients,
): { x: Tensor; weights: Tensor } {
  const dx = zeros(x.shape);
  const byWeight = zeros(routing.weights.shape);
  const [, cols] = sizesOf(x);
  forExperts(x, routing, bank, into, ({ input, places, rows, parts: { gate, up, down } }) => {
    const [gated, raised] = [gate.forward(input), up.forward(input)];
    const hidden = swiglu(gated, raised);
    const out = valuesOf(down.forward(hidden));
    const slopes = rearranging.selectRows(d, rows);
    places.forEach((place, i) => {
      const weight = valuesOf(routing.weights)[place];
      for (let at = i * cols; at < (i + 1) * cols; at++) {
        byWeight.values[place] += valuesOf(slopes)[at] * out[at];
        valuesOf(slopes)[at] *= weight;
      }
    });
    const between = swigluGradient(down.backward(slopes, hidden), gated, raised);
    const byGate = valuesOf(gate.backward(between.gate, input));
    const byUp = valuesOf(up.backward(between.up, input));
    rows.forEach((row, i) => {
      const to = dx.values.subarray(row * cols, (row + 1) * cols);
      addTo(to, byGate.subarray(i * cols, (i + 1) * cols));
      addTo(to, byUp.subarray(i * cols, (i + 1) * cols));
    });
  });
  return { x: dx.tensor, weights: byWeight.tensor };
}

/** A matrix of one expert with its adapter. */
interface ExpertMatrix {
  forward(x: Tensor): Tensor;
  /** Gives d x; adds the gradients of the matrix and its adapter. */
  backward(d: Tensor, x: Tensor): Tensor;
}

/** An expert with the rows that go to it. */
interface Visited {
  readonly rows: readonly number[];
  /** Of each row, where its weight stands. */
  readonly places: readonly number[];
  readonly input: Tensor;
  readonly parts: Readonly<Record<"gate" | "up" | "down", ExpertMatrix>>;
}

function forExperts(
  x: Tensor,
  { used, experts }: Routing,
  bank: ExpertBank,
  into: BankGradients,
  visit: (visited: Visited) => void,
): void {
  const ids = wholeNumbersOf(experts);
  for (let expert = 0; expert < bank.experts; expert++) {
    const places = Array.from(ids.keys()).filter((place) => ids[place] === expert);
    if (places.length === 0) continue;
    const rows = places.map((place) => Math.floor(place / used));
    const own = <T extends Weight | Gradient>(whole: T) => partOf(whole, expert, bank.experts);
    const part = (name: "gate" | "up" | "down"): ExpertMatrix => {
      const [adapter, places] = [bank.adapters?.[name], into.adapters?.[name]];
      return expertMatrix(
        { weight: own(bank[name]), into: into[name] && own(into[name]) },
        adapter && {
          ...{ a: own(adapter.a), b: own(adapter.b), scale: adapter.scale },
          into: { a: places?.a && own(places.a), b: places?.b && own(places.b) },
        },
      );
    };
    const parts = { gate: part("gate"), up: part("up"), down: part("down") };
    visit({ rows, places, input: rearranging.selectRows(x, rows), parts });
  }
}

function expertMatrix(
  { weight, into }: { readonly weight: Weight; readonly into?: Gradient },
  adapter?: BankAdapter & { readonly into: AdapterGradients },
): ExpertMatrix {
  const { linear } = products;
  const { linearInput, linearWeight } = productGradients;
  return {
    forward(x) {
      const out = linear(x, weight);
      if (!adapter) return out;
      return add(out, linear(scale(linear(x, adapter.a), adapter.scale), adapter.b));
    },
    backward(d, x) {
      if (into) linearWeight(d, x, into);
      const byInput = linearInput(d, weight);
      if (!adapter) return byInput;
      const low = scale(linear(x, adapter.a), adapter.scale);
      if (adapter.into.b) linearWeight(d, low, adapter.into.b);
      const byLow = scale(linearInput(d, adapter.b), adapter.scale);
      if (adapter.into.a) linearWeight(byLow, x, adapter.into.a);
      return add(byInput, linearInput(byLow, adapter.a));
    },
  };
}

/** The rows of one expert, which share their numbers with the whole. */
function partOf<T extends Weight | Gradient>(whole: T, expert: number, experts: number): T {
  const size = valuesOf(whole).length / experts;
  const storage = valuesOf(whole).subarray(expert * size, (expert + 1) * size);
  return "rows" in whole
    ? { ...whole, rows: whole.rows / experts, storage }
    : { ...whole, storage };
}

function scoresOf(
  x: Tensor,
  gate: Weight,
  { scoring }: Pick<RoutingRule, "scoring">,
): Float64Array[] {
  const logits = valuesOf(products.linear(x, gate));
  return Array.from({ length: x.shape[0] }, (_, row) => {
    const own = logits.subarray(row * gate.rows, (row + 1) * gate.rows);
    if (scoring === "sigmoid") return own.map(sigmoid);
    const top = Math.max(...own);
    const powers = own.map((logit) => Math.exp(logit - top));
    const total = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / total);
  });
}

/** Ascending ids. */
function chosen(scores: Float64Array, rule: RoutingRule): number[] {
  const { used, groups, groupsUsed, groupScore, bias } = rule;
  const ranked = scores.map((score, i) => score + (bias ? valuesOf(bias)[i] : 0));
  const size = ranked.length / groups;
  const byGroup = Array.from({ length: groups }, (_, group) => {
    const members = ranked.slice(group * size, (group + 1) * size).sort((a, b) => b - a);
    return members.slice(0, groupScore === "top2" ? 2 : 1).reduce((a, b) => a + b, 0);
  });
  const open = new Set(best(byGroup, groupsUsed));
  const limited = ranked.map((score, i) => open.has(Math.floor(i / size)) ? score : -Infinity);
  return best(limited, used).sort((a, b) => a - b);
}

function best(scores: ArrayLike<number>, count: number): number[] {
  const order = Array.from(scores, (_, i) => i);
  return order.sort((a, b) => scores[b] - scores[a] || a - b).slice(0, count);
}
