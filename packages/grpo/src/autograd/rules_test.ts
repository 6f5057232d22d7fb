/** Finite differences in float64 for every backward rule, over the reference backend. */
import { assert } from "@std/assert";
import { tensorOf, valuesOf } from "../../../../tests/support/reference_ops/values.ts";
import { reference } from "../../../../tests/support/reference_ops/reference_backend.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { FINITE_DIFFERENCE } from "../../../../tests/support/tolerance.ts";
import type { Batch, DropoutKey, RoutingRule, Tensor, Weight } from "@aha/runtime/training";
import { ParameterSet } from "../parameters/parameter_set.ts";
import { RULES } from "./rules.ts";
import { Tape } from "./tape.ts";

/** Every float that an op takes, as something that is trained: activations are rows of tables. */
interface Given {
  activation(cols: number): Tensor;
  weight(rows: number, cols: number, hasBias?: boolean): Weight;
  vector(size: number): Tensor;
}

/** A few rows of two sequences. */
const ROWS = 5;
const BATCH: Batch = {
  rows: ROWS,
  segments: [
    { sequence: null, start: 0, length: 3, firstPosition: 2 },
    { sequence: null, start: 3, length: 2, firstPosition: 0 },
  ],
};
const RULE: RoutingRule = {
  layer: 0,
  used: 2,
  scoring: "softmax",
  groups: 1,
  groupsUsed: 1,
  groupScore: "max",
  normalize: false,
  scale: 1.5,
};
const ATTENTION = { layer: 0, heads: 4, kvHeads: 2, keySize: 6, valueSize: 4, scale: 0.4 };
const LATENT = { layer: 0, heads: 3, rank: 4, rotarySize: 2, scale: 0.4 };
const ROPE = { headSize: 6, rotarySize: 4, base: 100 };
const KEY: DropoutKey = { seed: [3, 4], stream: 1, rows: Int32Array.of(7, 8, 9, 3, 4) };

type Run = (tape: Tape, given: Given) => readonly Tensor[];

/** A bank of 4 experts and how rows of 6 go through it. */
function mixture(rule: Partial<RoutingRule>): Run {
  return (tape, given) => {
    const x = given.activation(6);
    const routing = tape.route(x, given.weight(4, 6), { ...RULE, ...rule });
    const bank = {
      experts: 4,
      gate: given.weight(12, 6),
      up: given.weight(12, 6),
      down: given.weight(24, 3),
    };
    return [tape.experts(x, routing, bank), routing.weights];
  };
}

const CASES: readonly (readonly [name: string, op: string, run: Run])[] = [
  ["embed", "embed", (tape, given) => [
    tape.embed(Int32Array.of(1, 0, 1), given.weight(3, 4)),
  ]],
  ["linear with a bias", "linear", (tape, given) => [
    tape.linear(given.activation(6), given.weight(5, 6, true)),
  ]],
  ["linears of one input", "linears", (tape, given) => {
    return tape.linears(given.activation(6), [given.weight(5, 6), given.weight(3, 6, true)]);
  }],
  ["headLinear", "headLinear", (tape, given) => [
    tape.headLinear(given.activation(6), given.weight(6, 2, true), 3),
  ]],
  ["splitHeads, of which one part goes on", "splitHeads", (tape, given) => [
    tape.splitHeads(given.activation(10), 2, [2, 3])[1],
  ]],
  ["joinHeads with a shared part", "joinHeads", (tape, given) => [
    tape.joinHeads([given.activation(6), given.activation(2)], 3, [2, 2]),
  ]],
  ["rmsNorm of rows", "rmsNorm", (tape, given) => [
    tape.rmsNorm(given.activation(6), given.vector(6), 1e-3),
  ]],
  ["rmsNorm of heads", "rmsNorm", (tape, given) => [
    tape.rmsNorm(given.activation(6), given.vector(3), 1e-3),
  ]],
  ["rope of neighbours, a part of the head", "rope", (tape, given) => [
    tape.rope(given.activation(12), BATCH, { ...ROPE, pairing: "interleaved", rotaryStart: 2 }),
  ]],
  ["rope of halves with divisors and a magnitude", "rope", (tape, given) => [
    tape.rope(given.activation(12), BATCH, {
      ...ROPE,
      pairing: "halves",
      magnitude: 1.3,
      frequencyFactors: tensorOf(Float64Array.of(1, 4), [2]),
    }),
  ]],
  ["attend", "attend", (tape, given) => {
    const [q, k, v] = [24, 12, 8].map((cols) => given.activation(cols));
    return [tape.attend(q, k, v, BATCH, null, ATTENTION)];
  }],
  ["latentAttend", "latentAttend", (tape, given) => [
    tape.latentAttend(given.activation(18), given.activation(6), BATCH, null, LATENT),
  ]],
  ["swiglu", "swiglu", (tape, given) => [tape.swiglu(given.activation(6), given.activation(6))]],
  ["route and experts, softmax", "route", mixture({})],
  ["route and experts, softmax normalized", "experts", mixture({ normalize: true })],
  ["route and experts, sigmoid", "experts", mixture({ scoring: "sigmoid" })],
  [
    "route and experts, sigmoid normalized with groups and a bias",
    "experts",
    mixture({
      scoring: "sigmoid",
      normalize: true,
      groups: 2,
      groupsUsed: 1,
      groupScore: "top2",
      bias: tensorOf(Float64Array.of(0.1, -0.1, 0.2, 0), [4]),
    }),
  ],
  ["add of a tensor to itself", "add", (tape, given) => {
    const x = given.activation(6);
    return [tape.add(tape.add(x, given.activation(6)), x)];
  }],
  ["selectRows with a row twice", "selectRows", (tape, given) => [
    tape.selectRows(given.activation(6), [4, 1, 4]),
  ]],
  ["tokenLogprobs", "tokenLogprobs", (tape, given) => [
    tape.tokenLogprobs(
      given.activation(6),
      given.weight(7, 6),
      Int32Array.of(0, 6, 2, 2, 5),
      0.7,
    ),
  ]],
  ["scale", "grad", (tape, given) => [tape.grad.scale(given.activation(6), -2.5)]],
  ["dropout", "grad", (tape, given) => [tape.grad.dropout(given.activation(6), 0.4, KEY)]],
];

Deno.test("rules: each op has one and is tried", () => {
  const tried = new Set(CASES.map(([, op]) => op));
  for (const op of Object.keys(RULES)) assert(tried.has(op), op);
});

for (const [name, , run] of CASES) {
  Deno.test(`rules: ${name} has the gradients of finite differences`, () => checkRule(run));
}

function checkRule(run: Run): void {
  const world = new World();
  using first = new Tape(reference, { ofWeight: () => undefined, ofVector: () => undefined });
  const slopes = run(first, world.on(first)).map(({ shape }) => world.random(shape));
  const trained = new ParameterSet(reference.grad, world.parameters);
  using tape = new Tape(reference, trained);
  run(tape, world.on(tape)).forEach((out, i) => tape.backward(out, slopes[i]));
  const loss = () => {
    using forward = new Tape(reference, trained);
    return run(forward, world.on(forward))
      .reduce((sum, out, i) => sum + dot(valuesOf(out), valuesOf(slopes[i])), 0);
  };
  assert(trained.all.length > 0);
  for (const { name, parameter, gradient } of trained.all) {
    const numbers = valuesOf(parameter);
    const step = 1e-4;
    const differences = numbers.map((value, i) => {
      numbers[i] = value + step;
      const above = loss();
      numbers[i] = value - step;
      const below = loss();
      numbers[i] = value;
      return (above - below) / (2 * step);
    });
    assert(Math.hypot(...differences) > 1e-3, `${name} changes nothing`);
    const error = valuesOf(gradient).map((value, i) => value - differences[i]);
    const relative = Math.hypot(...error) / Math.hypot(...differences);
    assert(relative <= FINITE_DIFFERENCE, `${name}: off by ${relative}`);
  }
}

/** The same numbers for the same order of asking. */
class World {
  readonly parameters = new Map<string, Weight | Tensor>();
  readonly #next = seededRandom(5);

  random(shape: readonly number[]): Tensor {
    const size = shape.reduce((product, n) => product * n, 1);
    const values = Float64Array.from({ length: size }, () => this.#next(4001) / 2000 - 1);
    return tensorOf(values, shape);
  }

  on(tape: Tape): Given {
    let asked = 0;
    const named = <T extends Weight | Tensor>(make: (name: string) => T): T => {
      const name = `parameter ${asked++}`;
      const known = this.parameters.get(name) ?? make(name);
      this.parameters.set(name, known);
      return known as T;
    };
    const vector = (size: number) => named(() => this.random([size]));
    const weight = (rows: number, cols: number, hasBias = false): Weight => {
      const { storage } = this.random([rows, cols]);
      const own = named((name): Weight => ({ name, type: "F32", rows, cols, storage }));
      return hasBias ? { ...own, bias: vector(rows) } : own;
    };
    const ids = Int32Array.from({ length: ROWS }, (_, row) => row);
    return { weight, vector, activation: (cols) => tape.embed(ids, weight(ROWS, cols)) };
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

Deno.test("rules: a choice that is forced keeps its gradient through the weights", () => {
  const forced = Int32Array.of(0, 1, 2, 3, 0, 3, 1, 2, 0, 2);
  checkRule(mixture({ forced, normalize: true, scoring: "sigmoid" }));
});
