/** Every op with a backward rule over something that is trained, small, for tests over any backend. Tests nothing. */
import type { Tape } from "../../packages/grpo/src/autograd/tape.ts";
import type { DropoutKey, GradOps } from "../../packages/runtime/src/backend/grad_ops.ts";
import type { Batch } from "../../packages/runtime/src/batch.ts";
import type { Backend, RoutingRule } from "../../packages/runtime/src/ops.ts";
import type { ExpertBank, Tensor, Weight } from "../../packages/runtime/src/tensor.ts";
import { seededRandom } from "./seeded_random.ts";

/** Every float that an op takes, as something that is trained: activations are rows of tables. */
export interface Given {
  /** `[rows, cols]`, `ROWS` if not said. */
  activation(cols: number, rows?: number): Tensor;
  /** `[rows, cols]`, or as many matrices of equally many rows. */
  weight(rows: number, cols: number, options?: WeightOptions): Weight;
  vector(size: number): Tensor;
  /** Not trained. */
  constant(...values: readonly number[]): Tensor;
}

/** What a weight has besides its numbers. */
export interface WeightOptions {
  readonly hasBias?: boolean;
  readonly matrices?: number;
}

/** A few rows of two sequences. */
export const ROWS = 5;
const BATCH: Batch = {
  rows: ROWS,
  segments: [
    { sequence: null, start: 0, length: 3, firstPosition: 2 },
    { sequence: null, start: 3, length: 2, firstPosition: 0 },
  ],
};
/** Attention without a cache begins at position 0. */
const WHOLE: Batch = {
  ...BATCH,
  segments: BATCH.segments.map((segment) => ({ ...segment, firstPosition: 0 })),
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
const ATTENTION = { layer: 0, heads: 4, kvHeads: 2, keySize: 8, valueSize: 4, scale: 0.4 };
const LATENT = { layer: 0, heads: 3, rank: 8, rotarySize: 4, scale: 0.4 };
const ROPE = { headSize: 8, rotarySize: 4, base: 100 };
const KEY: DropoutKey = { seed: [3, 4], stream: 1, rows: Int32Array.of(7, 8, 9, 3, 4) };

/** An op over a tape. */
export type Run = (tape: Tape, given: Given) => readonly Tensor[];

/** How rows of 8 go through a bank of 4 experts. */
export function mixture(
  rule: Partial<RoutingRule>,
  { bias, hasAdapters = false }: { bias?: readonly number[]; hasAdapters?: boolean } = {},
): Run {
  return (tape, given) => {
    const x = given.activation(8);
    const steered = bias ? { ...rule, bias: given.constant(...bias) } : rule;
    const routing = tape.route(x, given.weight(4, 8), { ...RULE, ...steered });
    const stack = (rows: number, cols: number) => given.weight(rows, cols, { matrices: 4 });
    const pair = (rows: number, cols: number) => ({
      a: stack(4 * 2, cols),
      b: stack(rows, 2),
      scale: 0.5,
    });
    const bank: ExpertBank = {
      experts: 4,
      gate: stack(12, 8),
      up: stack(12, 8),
      down: stack(32, 3),
      ...(hasAdapters ? { adapters: { gate: pair(12, 8), down: pair(32, 3) } } : {}),
    };
    return [tape.experts(x, routing, bank), routing.weights];
  };
}

/** Every op with a rule. */
export const RULE_CASES: readonly (readonly [name: string, op: string, run: Run])[] = [
  ["embed", "embed", (tape, given) => [
    tape.embed(Int32Array.of(1, 0, 1), given.weight(3, 4)),
  ]],
  ["linear with a bias", "linear", (tape, given) => [
    tape.linear(given.activation(8), given.weight(5, 8, { hasBias: true })),
  ]],
  ["linears of one input", "linears", (tape, given) => {
    return tape.linears(given.activation(8), [
      given.weight(5, 8),
      given.weight(3, 8, { hasBias: true }),
    ]);
  }],
  ["headLinear", "headLinear", (tape, given) => [
    tape.headLinear(given.activation(12), given.weight(15, 4, { hasBias: true, matrices: 3 }), 3),
  ]],
  ["splitHeads, of which one part goes on", "splitHeads", (tape, given) => [
    tape.splitHeads(given.activation(10), 2, [2, 3])[1],
  ]],
  ["joinHeads with a shared part", "joinHeads", (tape, given) => [
    tape.joinHeads([given.activation(6), given.activation(2)], 3, [2, 2]),
  ]],
  ["rmsNorm of rows", "rmsNorm", (tape, given) => [
    tape.rmsNorm(given.activation(8), given.vector(8), 1e-3),
  ]],
  ["rmsNorm of heads", "rmsNorm", (tape, given) => [
    tape.rmsNorm(given.activation(8), given.vector(4), 1e-3),
  ]],
  ["rope of neighbours, a part of the head", "rope", (tape, given) => [
    tape.rope(given.activation(16), BATCH, { ...ROPE, pairing: "interleaved", rotaryStart: 4 }),
  ]],
  ["rope of halves with divisors and a magnitude", "rope", (tape, given) => [
    tape.rope(given.activation(16), BATCH, {
      ...ROPE,
      pairing: "halves",
      magnitude: 1.3,
      frequencyFactors: given.constant(1, 4),
    }),
  ]],
  ["attend", "attend", (tape, given) => {
    const [q, k, v] = [32, 16, 8].map((cols) => given.activation(cols));
    return [tape.attend(q, k, v, WHOLE, null, ATTENTION)];
  }],
  ["latentAttend", "latentAttend", (tape, given) => [
    tape.latentAttend(given.activation(36), given.activation(12), WHOLE, null, LATENT),
  ]],
  ["swiglu", "swiglu", (tape, given) => [tape.swiglu(given.activation(8), given.activation(8))]],
  ["route and experts, softmax", "route", mixture({})],
  ["route and experts, softmax normalized", "experts", mixture({ normalize: true })],
  ["route and experts, sigmoid", "experts", mixture({ scoring: "sigmoid" })],
  [
    "route and experts, sigmoid normalized with groups and a bias",
    "experts",
    mixture(
      { scoring: "sigmoid", normalize: true, groups: 2, groupsUsed: 1, groupScore: "top2" },
      { bias: [0.1, -0.1, 0.2, 0] },
    ),
  ],
  ["experts with adapters", "experts", mixture({ normalize: true }, { hasAdapters: true })],
  ["add of a tensor to itself", "add", (tape, given) => {
    const x = given.activation(8);
    return [tape.add(tape.add(x, given.activation(8)), x)];
  }],
  ["selectRows with a row twice", "selectRows", (tape, given) => [
    tape.selectRows(given.activation(8), [4, 1, 4]),
  ]],
  ["tokenLogprobs", "tokenLogprobs", (tape, given) => [
    tape.tokenLogprobs(
      given.activation(8),
      given.weight(7, 8),
      Int32Array.of(0, 6, 2, 2, 5),
      0.7,
    ),
  ]],
  ["scale", "grad", (tape, given) => [tape.grad.scale(given.activation(8), -2.5)]],
  ["dropout", "grad", (tape, given) => [tape.grad.dropout(given.activation(8), 0.4, KEY)]],
];

/** Parameters on a backend: the same numbers, of float32, for the same order of asking. */
export class World {
  readonly parameters = new Map<string, Weight | Tensor>();
  readonly #next = seededRandom(5);

  constructor(private readonly backend: Pick<Backend, "ops"> & { readonly grad: GradOps }) {}

  random(count: number): Float32Array {
    return Float32Array.from({ length: count }, () => this.#next(4001) / 2000 - 1);
  }

  /** What an op is given on a tape; several passes are given the same. */
  on(tape: Tape): Given {
    const { grad } = this.backend;
    let asked = 0;
    const named = <T extends Weight | Tensor>(make: (name: string) => T): T => {
      const name = `parameter ${asked++}`;
      const known = this.parameters.get(name) ?? make(name);
      this.parameters.set(name, known);
      return known as T;
    };
    const vector = (size: number) => named(() => grad.createVector(this.random(size)));
    const weight = (rows: number, cols: number, options: WeightOptions = {}): Weight => {
      const own = named((name) =>
        grad.createWeight(name, rows, cols, this.random(rows * cols), options.matrices)
      );
      return options.hasBias ? { ...own, bias: vector(rows) } : own;
    };
    return {
      weight,
      vector,
      constant: (...values) => tape.tensor(Float32Array.from(values), [values.length]),
      activation(cols, rows = ROWS) {
        const ids = Int32Array.from({ length: rows }, (_, row) => row);
        return tape.embed(ids, weight(rows, cols));
      },
    };
  }
}
