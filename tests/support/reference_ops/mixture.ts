/** A mixture's gate and experts, forward and backward, by plain loops in float64. */
import type { BankGradients, Gradient } from "../../../packages/runtime/src/grad_ops.ts";
import type { Routing, RoutingRule } from "../../../packages/runtime/src/ops.ts";
import type { ExpertBank, Tensor, Weight } from "../../../packages/runtime/src/tensor.ts";
import { sigmoid, swiglu, swigluGradient } from "./elementwise.ts";
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

/** For each row the weighted sum over its experts. */
export function experts(x: Tensor, routing: Routing, bank: ExpertBank): Tensor {
  const { tensor, values } = zeros(x.shape);
  forExperts(x, routing, bank, ({ input, places, rows, parts: [gate, up, down] }) => {
    const hidden = swiglu(products.linear(input, gate), products.linear(input, up));
    const out = products.linear(hidden, down);
    const [, cols] = sizesOf(x);
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
  forExperts(x, routing, bank, ({ expert, input, places, rows, parts: [gate, up, down] }) => {
    const [gated, raised] = [products.linear(input, gate), products.linear(input, up)];
    const hidden = swiglu(gated, raised);
    const out = products.linear(hidden, down);
    const slopes = rearranging.selectRows(d, rows);
    places.forEach((place, i) => {
      const weight = valuesOf(routing.weights)[place];
      for (let at = i * cols; at < (i + 1) * cols; at++) {
        byWeight.values[place] += valuesOf(slopes)[at] * valuesOf(out)[at];
        valuesOf(slopes)[at] *= weight;
      }
    });
    const between = swigluGradient(productGradients.linearInput(slopes, down), gated, raised);
    addPart(slopes, hidden, into.down, expert, bank);
    addPart(between.gate, input, into.gate, expert, bank);
    addPart(between.up, input, into.up, expert, bank);
    const byGate = productGradients.linearInput(between.gate, gate);
    const byUp = productGradients.linearInput(between.up, up);
    rows.forEach((row, i) => {
      const to = dx.values.subarray(row * cols, (row + 1) * cols);
      addTo(to, valuesOf(byGate).subarray(i * cols, (i + 1) * cols));
      addTo(to, valuesOf(byUp).subarray(i * cols, (i + 1) * cols));
    });
  });
  return { x: dx.tensor, weights: byWeight.tensor };
}

/** An expert with the rows that go to it. */
interface Visited {
  readonly expert: number;
  readonly rows: readonly number[];
  /** Of each row, where its weight stands. */
  readonly places: readonly number[];
  readonly input: Tensor;
  /** Its gate, up and down. */
  readonly parts: readonly Weight[];
}

function forExperts(
  x: Tensor,
  { used, experts }: Routing,
  bank: ExpertBank,
  visit: (visited: Visited) => void,
): void {
  const ids = wholeNumbersOf(experts);
  for (let expert = 0; expert < bank.experts; expert++) {
    const places = Array.from(ids.keys()).filter((place) => ids[place] === expert);
    if (places.length === 0) continue;
    const rows = places.map((place) => Math.floor(place / used));
    const parts = [bank.gate, bank.up, bank.down].map((whole) => partOf(whole, expert, bank));
    visit({ expert, rows, places, input: rearranging.selectRows(x, rows), parts });
  }
}

function partOf(whole: Weight, expert: number, bank: ExpertBank): Weight {
  const rows = whole.rows / bank.experts;
  const size = rows * whole.cols;
  const storage = valuesOf(whole).subarray(expert * size, (expert + 1) * size);
  return { ...whole, rows, storage };
}

function addPart(
  d: Tensor,
  x: Tensor,
  into: Gradient | undefined,
  expert: number,
  bank: ExpertBank,
): void {
  if (!into) return;
  const size = valuesOf(into).length / bank.experts;
  const storage = valuesOf(into).subarray(expert * size, (expert + 1) * size);
  productGradients.linearWeight(d, x, { shape: into.shape, storage });
}

function scoresOf(x: Tensor, gate: Weight, { scoring }: RoutingRule): Float64Array[] {
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
