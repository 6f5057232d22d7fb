/** The backward passes of attention: slopes of their forwards, same bits for threads and for sequences together or apart. */
import { assertThrows } from "@std/assert";
import { type Batch, makeBatch } from "../../../batch.ts";
import {
  checkBits,
  checkSlopes,
  type GradientCase,
  type Part,
  rowsOf,
} from "../../../../../../tests/support/gradient_case.ts";
import { createWasmBackend } from "../backend.ts";

/** The sequences, of these lengths, that lie within a part. */
function batchOf(lengths: readonly number[], { start, end }: Part): Batch {
  let first = 0;
  const inputs = lengths.flatMap((length) => {
    const isWithin = first >= start && first + length <= end;
    first += length;
    return isWithin ? [{ sequence: null, ids: new Int32Array(length), firstPosition: 0 }] : [];
  });
  return makeBatch(inputs).batch;
}

const sum = (lengths: readonly number[]) => lengths.reduce((total, length) => total + length);

function attend(lengths: readonly number[], heads: number, kvHeads: number, keySize: number) {
  const valueSize = 4;
  const shape = { layer: 0, heads, kvHeads, keySize, valueSize, scale: keySize ** -0.5 };
  const rows = sum(lengths);
  const of: GradientCase = {
    rows,
    inputs: {
      q: rowsOf(rows, heads * keySize, 1),
      k: rowsOf(rows, kvHeads * keySize, 2),
      v: rowsOf(rows, kvHeads * valueSize, 3),
    },
    forward: (ops, { tensors: { q, k, v } }, part) =>
      ops.attend(q, k, v, batchOf(lengths, part), null, shape),
    backward: (grad, d, { tensors: { q, k, v } }, part) => ({
      ...grad.attend(d, q, k, v, batchOf(lengths, part), shape),
    }),
  };
  return of;
}

function latentAttend(lengths: readonly number[], heads: number, rank: number, rotary: number) {
  const shape = { layer: 0, heads, rank, rotarySize: rotary, scale: (rank + rotary) ** -0.5 };
  const rows = sum(lengths);
  const of: GradientCase = {
    rows,
    inputs: {
      q: rowsOf(rows, heads * (rank + rotary), 4),
      latent: rowsOf(rows, rank + rotary, 5),
    },
    forward: (ops, { tensors: { q, latent } }, part) =>
      ops.latentAttend(q, latent, batchOf(lengths, part), null, shape),
    backward: (grad, d, { tensors: { q, latent } }, part) => ({
      ...grad.latentAttend(d, q, latent, batchOf(lengths, part), shape),
    }),
  };
  return of;
}

Deno.test("attend: gradients are the slopes", async () => {
  await checkSlopes(attend([3, 5], 4, 2, 6));
  await checkSlopes(attend([35], 1, 1, 4));
});

Deno.test("attend: threads and mates change no bit", async () => {
  await checkBits(attend([40, 170, 1, 33], 6, 2, 16), [40, 210]);
});

Deno.test("latentAttend: gradients are the slopes", async () => {
  await checkSlopes(latentAttend([2, 6], 3, 8, 4));
});

Deno.test("latentAttend: threads and mates change no bit", async () => {
  await checkBits(latentAttend([33, 140, 5], 4, 16, 8), [33]);
});

Deno.test("a segment that does not begin its sequence is refused", async () => {
  const backend = await createWasmBackend({ threads: 1, maxBytes: 64 << 20 });
  const { ops, grad } = backend;
  const { batch } = makeBatch([{ sequence: null, ids: [1, 2], firstPosition: 3 }]);
  const x = ops.tensor(new Float32Array(8), [2, 4]);
  const shape = { layer: 0, heads: 1, kvHeads: 1, keySize: 4, valueSize: 4, scale: 1 };
  assertThrows(() => grad.attend(x, x, x, x, batch, shape), RangeError, "starts at 0");
  await backend.close();
});
