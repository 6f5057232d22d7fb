/** The backward passes of attention without a cache on wasm: checks shapes, lists the sequences for the core. */
import type { Batch } from "../../../batch.ts";
import type { Attention, LatentAttention } from "../../../ops.ts";
import type { Tensor } from "../../../tensor.ts";
import { expectDone, expectSize } from "../ops.ts";
import { addressOf } from "../storage.ts";
import type { GradMemory } from "./grad_memory.ts";

/** The first row and the rows of each sequence, all of whose keys are in the batch. */
function runsOf({ segments }: Batch): number[] {
  return segments.flatMap(({ start, length, firstPosition }) => {
    if (firstPosition !== 0) throw new RangeError("A segment without a cache starts at 0");
    return [start, length];
  });
}

/** `GradOps.attend`. */
export function attendGradient(
  grad: GradMemory,
  d: Tensor,
  { q, k, v }: { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor },
  batch: Batch,
  shape: Attention,
): { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor } {
  const { heads, kvHeads, keySize, valueSize, scale } = shape;
  const { rows } = batch;
  expectSize("backward of attend: d", d.shape[1], heads * valueSize);
  expectSize("backward of attend: q", q.shape[1], heads * keySize);
  expectSize("backward of attend: k", k.shape[1], kvHeads * keySize);
  expectSize("backward of attend: v", v.shape[1], kvHeads * valueSize);
  for (const { shape } of [d, q, k, v]) expectSize("backward of attend: rows", shape[0], rows);
  const runs = runsOf(batch);
  const out = { q: grad.f32(q.shape), k: grad.f32(k.shape), v: grad.f32(v.shape) };
  using _room = grad.ops.scope();
  const statistics = grad.f32([rows, heads, grad.core.attention_statistics()]);
  // deno-fmt-ignore
  const status = grad.core.attend_gradient(
    addressOf(d), addressOf(q), addressOf(k), addressOf(v),
    addressOf(out.q), addressOf(out.k), addressOf(out.v), addressOf(statistics),
    grad.i32(runs), runs.length / 2, rows, heads, kvHeads, keySize, valueSize, scale,
  );
  expectDone("backward of attend", status);
  return out;
}

/** `GradOps.latentAttend`. */
export function latentAttendGradient(
  grad: GradMemory,
  d: Tensor,
  { q, latent }: { readonly q: Tensor; readonly latent: Tensor },
  batch: Batch,
  shape: LatentAttention,
): { readonly q: Tensor; readonly latent: Tensor } {
  const { heads, rank, rotarySize, scale } = shape;
  const { rows } = batch;
  expectSize("backward of latentAttend: d", d.shape[1], heads * rank);
  expectSize("backward of latentAttend: q", q.shape[1], heads * (rank + rotarySize));
  expectSize("backward of latentAttend: latent", latent.shape[1], rank + rotarySize);
  for (const { shape } of [d, q, latent]) {
    expectSize("backward of latentAttend: rows", shape[0], rows);
  }
  const runs = runsOf(batch);
  const out = { q: grad.f32(q.shape), latent: grad.f32(latent.shape) };
  using _room = grad.ops.scope();
  const statistics = grad.f32([rows, heads, grad.core.attention_statistics()]);
  // deno-fmt-ignore
  const status = grad.core.latent_attend_gradient(
    addressOf(d), addressOf(q), addressOf(latent),
    addressOf(out.q), addressOf(out.latent), addressOf(statistics),
    grad.i32(runs), runs.length / 2, rows, heads, rank, rotarySize, scale,
  );
  expectDone("backward of latentAttend", status);
  return out;
}
