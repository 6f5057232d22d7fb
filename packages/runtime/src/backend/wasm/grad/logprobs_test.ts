/** The backward pass of token log-probabilities and entropies: slopes, chunks and threads change no bit, quantized heads. */
import { assert, assertAlmostEquals } from "@std/assert";
import {
  checkBits,
  checkSlopes,
  type GradientCase,
  type Part,
  rowsOf,
  weightOf,
} from "../../../../../../tests/support/gradient_case.ts";
import { numbers } from "../../../../../../tests/support/core_pages.ts";
import { createWasmBackend } from "../backend.ts";

const TEMPERATURE = 0.8;

function logprobs(rows: number, cols: number, vocabulary: number): GradientCase {
  const targets = Int32Array.from({ length: rows }, (_, i) => (i * 7 + 1) % vocabulary);
  const of = ({ start, end }: Part) => targets.slice(start, end);
  return {
    rows,
    inputs: { x: rowsOf(rows, cols, 1), head: weightOf(vocabulary, cols, 2) },
    forward: (ops, { tensors, weights }, part) =>
      ops.tokenLogprobs(tensors.x, weights.head, of(part), TEMPERATURE),
    backward: (grad, d, { tensors, weights, gradients }, part) => ({
      x: grad.tokenLogprobs(d, tensors.x, weights.head, of(part), TEMPERATURE, gradients.head),
    }),
  };
}

Deno.test("tokenLogprobs: gradients are the slopes", async () => {
  await checkSlopes(logprobs(4, 5, 13));
});

Deno.test("tokenLogprobs: threads, parts and chunks change no bit", async () => {
  await checkBits(logprobs(150, 40, 301), [1, 77]);
  // 2 MiB of logits a row: 16 rows a chunk.
  await checkBits(logprobs(18, 2, 1 << 19), [3]);
});

Deno.test("entropies are those of the softmax", async () => {
  const [rows, cols, vocabulary] = [3, 4, 50];
  const backend = await createWasmBackend({ threads: 2, maxBytes: 64 << 20 });
  const { ops, grad } = backend;
  const head = grad.createWeight("head", vocabulary, cols, numbers(vocabulary * cols, 2, 3));
  const x = ops.tensor(numbers(rows * cols, 2, 4), [rows, cols]);
  const got = await ops.read(grad.entropies(x, head, TEMPERATURE));
  const logits = await ops.read(ops.linear(x, head));
  for (let row = 0; row < rows; row++) {
    const own = logits.slice(row * vocabulary, (row + 1) * vocabulary);
    const weights = [...own].map((logit) => Math.exp(logit / TEMPERATURE));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const shares = weights.map((weight) => weight / total);
    const want = -shares.reduce((sum, p) => sum + p * Math.log(p), 0);
    assertAlmostEquals(got[row], want, 1e-5);
  }
  assert(got.every((entropy) => entropy > 0 && entropy < Math.log(vocabulary)));
  await backend.close();
});
