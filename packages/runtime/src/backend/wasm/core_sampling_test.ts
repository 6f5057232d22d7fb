/** Probes, exponentials, log-probabilities and draws of every artifact against their scalar twins, through the exports. */
import { assert, assertEquals } from "@std/assert";
import {
  assertWithin,
  type CoreValues,
  eachCore,
} from "../../../../../tests/support/core_values.ts";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import {
  DRAW_BORDER,
  KERNEL_RELATIVE,
  LOGPROB_RELATIVE,
} from "../../../../../tests/support/tolerance.ts";

const SIZES = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 100, 257, 1001];

Deno.test("dot_probe, fma_probe: exact dots; only the relaxed artifact may fuse, always or never", async () => {
  await eachCore(({ exports }, variant) => {
    const [dot, fused] = [exports.dot_probe(), exports.fma_probe()];
    assertEquals(dot, 1, variant);
    if (variant !== "relaxed_threads") assertEquals(fused, 0, variant);
    for (let i = 0; i < 20_000; i++) { // long enough for the optimizing tier
      assertEquals(
        [exports.dot_probe(), exports.fma_probe()],
        [dot, fused],
        `${variant} call ${i}`,
      );
    }
  });
});

Deno.test("exp: agrees with its scalar twin and keeps its limits in every artifact", async () => {
  const x = Float32Array.from({ length: 12_773 }, (_, i) => -87 + i * 0.0137);
  const ends = Float32Array.of(-Infinity, -1e30, -88, 0, 88.37626, 89, 1e30, Infinity, NaN);
  await eachCore((values, variant) => {
    const run = (input: Float32Array) => {
      const [at, out, twin] = [
        values.f32(input),
        values.room(input.length),
        values.room(input.length),
      ];
      assertEquals(values.exports.exp_lanes(at, out, input.length), 0);
      assertEquals(values.exports.exp_scalar(at, twin, input.length), 0);
      const [got, want] = [values.read(out, input.length), values.read(twin, input.length)];
      assertWithin(got, want, { relative: KERNEL_RELATIVE }, `${variant} exp`);
      return got;
    };
    const plain = run(x);
    assertWithin(plain, x.map(Math.exp), { relative: KERNEL_RELATIVE }, `${variant} Math.exp`);
    const limits = run(ends);
    assertEquals([...limits.subarray(0, 4)], [0, 0, 0, 1], variant);
    assertEquals(new Set(limits.subarray(4, 8)).size, 1, `${variant}: clamped above`);
  });
});

Deno.test("token_logprobs: agree with the scalar twin in every artifact", async () => {
  await eachCore((values, variant) => {
    const { exports } = values;
    for (const vocab of SIZES) {
      const random = seededRandom(vocab);
      const row = Float32Array.from({ length: 3 * vocab }, () => random(1 << 20) / 43_690 - 12);
      const [logits, out] = [values.f32(row), values.room(3)];
      const ids = [0, vocab >> 1, vocab - 1];
      for (const temperature of [0.3, 1, 1.7].map(Math.fround)) {
        const targets = values.i32(ids);
        assertEquals(exports.token_logprobs(logits, targets, out, 3, vocab, temperature), 0);
        const twins = ids.map((id, i) =>
          exports.token_logprob_scalar(logits + 4 * i * vocab, vocab, id, temperature)
        );
        const tolerance = { relative: LOGPROB_RELATIVE, absolute: LOGPROB_RELATIVE };
        assertWithin(values.read(out, 3), twins, tolerance, `${variant} ${vocab} ${temperature}`);
        if (temperature !== 1) continue;
        const single = ids.map((id, i) => ownLogprob(values, logits + 4 * i * vocab, vocab, id));
        assertEquals(Float32Array.from(single), values.read(out, 3), `${variant} ${vocab}`);
      }
      assertEquals(exports.token_logprobs(logits, values.i32([vocab]), out, 1, vocab, 1), 1);
      assertEquals(exports.token_logprobs(logits, values.i32([-1]), out, 1, vocab, 1), 1);
    }
  });
});

/** log-softmax at one id by itself. */
function ownLogprob(values: CoreValues, logits: number, vocab: number, id: number): number {
  const out = values.room(1);
  const status = values.exports.best_logprobs(logits, vocab, id, 0, values.room(1), out);
  assertEquals(status, id < vocab ? 0 : 1);
  return values.read(out, 1)[0];
}

Deno.test("best_logprobs: extreme rows give the limits in every artifact", async () => {
  await eachCore((values, variant) => {
    const at = (row: number[], id: number) => {
      const logits = values.f32(row);
      const [got, twin] = [
        ownLogprob(values, logits, row.length, id),
        values.exports.token_logprob_scalar(logits, row.length, id, 1),
      ];
      assertWithin(
        [got],
        [Math.fround(twin)],
        { relative: LOGPROB_RELATIVE },
        `${variant} [${row}]`,
      );
      return got;
    };
    assertEquals(at([-Infinity, 0, -Infinity], 1), 0);
    assertEquals(at([-Infinity, 0, -Infinity], 0), -Infinity);
    assertEquals(at([3e38, 1, 2, -3e38, 0], 0), 0);
    assertEquals(at([1e30, 1e30, 1e30, 1e30, -1e30], 2), Math.fround(-Math.log(4)));
    assertEquals(at([-1e30, -1e30], 1), Math.fround(-Math.log(2)));
    assertEquals(at([0, 1, NaN, 2, 3], 0), NaN);
    assertEquals(at([-Infinity, -Infinity], 0), NaN);
    assertEquals(ownLogprob(values, values.f32([1, 2]), 2, 2), NaN);
  });
});

/** Temperature, top-k, top-p, min-p. */
const DRAWS = [
  [0, 0, 1, 0],
  [1, 0, 1, 0],
  [0.6, 0, 0.95, 0],
  [1, 1, 1, 0],
  [1.5, 3, 1, 0],
  [1.5, 40, 0.9, 0.03],
  [2, 0, 0, 0],
  [2, 0, 1, 0.07],
  [4, 500, 0.999, 0],
] as const;

Deno.test("draw: the scalar twin's id wherever rounding cannot decide, in every artifact", async () => {
  await eachCore((values, variant) => {
    const { exports } = values;
    let [near, all] = [0, 0];
    for (const vocab of SIZES) {
      const random = seededRandom(vocab);
      // A grid of 1/64: logits that differ do so clearly, and many are equal.
      const logits = values.f32(Array.from({ length: vocab }, () => (random(1024) - 512) / 64));
      for (const [temperature, topK, topP, minP] of DRAWS) {
        for (let position = 0; position < 50; position++) {
          const how = [0, temperature, topK, topP, minP, 1, 2, vocab, position] as const;
          all++;
          if (exports.draw_margin(logits, vocab, ...how) < DRAW_BORDER) near++;
          else {
            const twin = exports.draw_scalar(logits, vocab, ...how);
            assertEquals(exports.draw(logits, vocab, ...how), twin, `${variant} ${vocab}: ${how}`);
          }
        }
      }
    }
    assert(near * 100 < all, `${variant}: ${near} of ${all} draws were left out`);
  });
});

Deno.test("draw: a greedy tie goes to the lowest id, a row that is not finite gives -1", async () => {
  await eachCore((values, variant) => {
    const both = (row: number[], temperature: number) => {
      const how = [0, temperature, 0, 1, 0, 1, 2, 0, 0] as const;
      const logits = values.f32(row);
      const id = values.exports.draw(logits, row.length, ...how);
      assertEquals(values.exports.draw_scalar(logits, row.length, ...how), id, variant);
      return id;
    };
    assertEquals(both([1, 3, 2, 3, 0.5, 3], 0), 1, variant);
    assertEquals(both([-0, 0, -1], 0), 0, variant);
    for (const temperature of [0, 1]) {
      for (let at = 0; at < 6; at++) {
        for (const bad of [NaN, Infinity]) {
          assertEquals(both([1, 2, 3, 4, 5, 6].with(at, bad), temperature), -1, variant);
        }
      }
      assertEquals(both([-Infinity, -Infinity], temperature), -1, variant);
      assertEquals(both([-Infinity, -1e30, -Infinity], temperature), 1, variant);
    }
    assertEquals(values.exports.draw(0, 5, 0, 0, 0, 1, 0, 1, 2, 0, 0), -1);
  });
});
