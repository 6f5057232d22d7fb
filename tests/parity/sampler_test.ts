/** Which tokens are drawn how often: chi-square of thousands of draws against probabilities in float64, written here plainly. */
import { assert, assertEquals } from "@std/assert";
import { type CoreVariant, VARIANTS } from "../../packages/runtime/src/backend/wasm/core.ts";
import { createWasmBackend } from "../../packages/runtime/src/backend/wasm/backend.ts";
import type { Draw, Ops, Penalties } from "../../packages/runtime/src/ops.ts";
import { seededRandom } from "../support/seeded_random.ts";

const VOCABULARY = 97;
const DRAWS = 40_000;
const ROWS = 400;

const PLAIN: Draw = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: [2024, 7],
  choice: 0,
  position: 0,
};
const PENALTIES: Penalties = {
  repeat: 1.4,
  recent: new Map(Array.from({ length: 40 }, (_, i) => [2 * i, 1 + i % 3])),
  presence: 0.6,
  frequency: 0.3,
  answered: new Map(Array.from({ length: 19 }, (_, i) => [5 * i, 1 + i % 4])),
};
const BIAS = new Map([[3, 2.5], [4, -2.5], [5, -Infinity], [50, -Infinity], [60, 4], [61, -100]]);

/** Every third token may come, and the last one. */
const MASK = Uint32Array.of(0x49249249, 0x92492492, 0x24924924, 1);

/** What is tested, by name. */
const CASES: Readonly<Record<string, Partial<Draw>>> = {
  "T 1": {},
  "T 0.3": { temperature: 0.3 },
  "T 0.7": { temperature: 0.7 },
  "T 2.5": { temperature: 2.5 },
  "top-k 1": { topK: 1 },
  "top-k 12": { topK: 12 },
  "T 1.8, top-k 40": { temperature: 1.8, topK: 40 },
  "top-p 0.5": { topP: 0.5 },
  "T 0.6, top-p 0.95": { temperature: 0.6, topP: 0.95 },
  "min-p 0.1": { minP: 0.1 },
  "all truncations": { temperature: 1.3, topK: 30, topP: 0.9, minP: 0.05 },
  "bias": { bias: BIAS },
  "a mask": { allowed: MASK },
  "a mask and truncations": { allowed: MASK, topK: 20, topP: 0.9 },
  "repeat": { penalties: { ...PENALTIES, presence: 0, frequency: 0 } },
  "repeat below 1": { penalties: { ...PENALTIES, repeat: 0.8, presence: 0, frequency: 0 } },
  "presence": { penalties: { ...PENALTIES, repeat: 1, frequency: 0 } },
  "frequency": { penalties: { ...PENALTIES, repeat: 1, presence: 0 } },
  "negative presence and frequency": {
    penalties: { ...PENALTIES, repeat: 1, presence: -0.8, frequency: -0.2 },
  },
  "another choice and seed": { choice: 3, seed: [1, 0] },
  "everything": {
    ...{ temperature: 0.8, topK: 50, topP: 0.97, minP: 0.01 },
    ...{ bias: BIAS, penalties: PENALTIES, allowed: MASK },
  },
};

const random = seededRandom(97);
/** Spread so that some tokens are hundreds of times as probable as others. */
const LOGITS = Float32Array.from({ length: VOCABULARY }, () => (random(6000) - 3000) / 1000);

/** The probability of each token: every step of the definition, one after the other, on whole arrays. */
function probabilities(draw: Draw): number[] {
  const { temperature, topK, topP, minP, bias, penalties, allowed } = draw;
  const logits = Array.from(LOGITS, (logit, id) => {
    if (allowed && (allowed[id >> 5] >> (id & 31) & 1) === 0) return -Infinity;
    let x = logit + (bias?.get(id) ?? 0);
    if (penalties?.recent.has(id)) x = x > 0 ? x / penalties.repeat : x * penalties.repeat;
    const count = penalties?.answered.get(id) ?? 0;
    return count > 0 ? x - penalties!.presence - count * penalties!.frequency : x;
  });
  const weights = logits.map((x) => Math.exp(x / temperature));
  const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a]);
  let kept = topK > 0 ? order.slice(0, topK) : order;
  const mass = (ids: readonly number[]) => ids.reduce((sum, id) => sum + weights[id], 0);
  const whole = mass(kept);
  const enough = kept.findIndex((_, i) => mass(kept.slice(0, i + 1)) >= topP * whole);
  if (topP < 1) kept = kept.slice(0, enough + 1);
  kept = kept.filter((id) => weights[id] >= minP * weights[order[0]]);
  const total = mass(kept);
  return weights.map((weight, id) => kept.includes(id) ? weight / total : 0);
}

async function counts(ops: Ops, draw: Draw): Promise<number[]> {
  const found = Array<number>(VOCABULARY).fill(0);
  const rows = new Float32Array(ROWS * VOCABULARY);
  for (let row = 0; row < ROWS; row++) rows.set(LOGITS, row * VOCABULARY);
  using _step = ops.scope();
  const logits = ops.tensor(rows, [ROWS, VOCABULARY]);
  for (let start = 0; start < DRAWS; start += ROWS) {
    const draws = Array.from({ length: ROWS }, (_, i) => ({ ...draw, position: start + i }));
    for (const id of (await ops.sample(logits, draws)).ids) found[id]++;
  }
  return found;
}

/** Sum of (o - e)^2 / e over cells pooled to at least 5 expected, and the degrees of freedom. */
function chiSquare(
  found: readonly number[],
  shares: readonly number[],
): { sum: number; freedom: number } {
  const cells: { o: number; e: number }[] = [];
  let pool = { o: 0, e: 0 };
  for (const id of [...shares.keys()].sort((a, b) => shares[a] - shares[b])) {
    pool = { o: pool.o + found[id], e: pool.e + shares[id] * DRAWS };
    if (pool.e < 5) continue;
    cells.push(pool);
    pool = { o: 0, e: 0 };
  }
  const sum = cells.reduce((sum, { o, e }) => sum + (o - e) ** 2 / e, 0);
  return { sum, freedom: cells.length - 1 };
}

/** The 0.999 quantile of chi-square (Wilson and Hilferty 1931; within 1 % from 3 degrees of freedom on). */
function quantile999(freedom: number): number {
  const part = 2 / (9 * freedom);
  return freedom === 0 ? 1e-9 : freedom * (1 - part + 3.0902 * Math.sqrt(part)) ** 3;
}

async function opened(variant: CoreVariant, run: (ops: Ops) => Promise<void>): Promise<void> {
  const backend = await createWasmBackend({ variant, threads: 1 });
  await run(backend.ops);
  await backend.close();
}

for (const variant of VARIANTS) {
  Deno.test(`sample: draws follow the float64 probabilities (${variant})`, () =>
    opened(variant, async (ops) => {
      for (const [name, part] of Object.entries(CASES)) {
        const draw = { ...PLAIN, ...part };
        const [found, shares] = [await counts(ops, draw), probabilities(draw)];
        found.forEach((count, id) => assert(shares[id] > 0 || count === 0, `${name}: ${id}`));
        const { sum, freedom } = chiSquare(found, shares);
        assert(freedom > 2 || draw.topK === 1, `${name}: ${freedom} degrees of freedom`);
        assert(sum < quantile999(freedom), `${name}: ${sum} with ${freedom} degrees of freedom`);
      }
    }));
}

Deno.test("sample: the test tells a distribution from one that is a little other", () =>
  opened("simd", async (ops) => {
    const found = await counts(ops, PLAIN);
    const others: Partial<Draw>[] = [
      { temperature: 1.1 },
      { topK: 90 },
      { topP: 0.99 },
      { bias: new Map([[LOGITS.indexOf(Math.max(...LOGITS)), 0.3]]) },
      { penalties: { ...PENALTIES, repeat: 1.1, presence: 0, frequency: 0 } },
    ];
    for (const part of others) {
      const shares = probabilities({ ...PLAIN, ...part });
      const { sum, freedom } = chiSquare(found, shares);
      const outside = found.some((count, id) => count > 0 && shares[id] === 0);
      assert(outside || sum > quantile999(freedom), JSON.stringify(part));
    }
  }));

Deno.test("sample: a row's token does not depend on the other rows", () =>
  opened("simd", async (ops) => {
    const draws = Object.values(CASES).map((part, position) => ({ ...PLAIN, ...part, position }));
    const rows = Float32Array.from(draws.flatMap(() => Array.from(LOGITS)));
    using _step = ops.scope();
    const together = await ops.sample(ops.tensor(rows, [draws.length, VOCABULARY]), draws);
    for (const [row, draw] of draws.entries()) {
      const alone = await ops.sample(ops.tensor(LOGITS, [1, VOCABULARY]), [draw]);
      assertEquals([alone.ids[0], alone.logprobs[0]], [together.ids[row], together.logprobs[row]]);
    }
  }));
