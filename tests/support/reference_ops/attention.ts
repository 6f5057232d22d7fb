/** Causal attention over a segment's own keys and its gradients, by plain loops in float64. Knows no cache. */
import type { Batch } from "../../../packages/runtime/src/batch.ts";
import type { Attention, LatentAttention } from "../../../packages/runtime/src/ops.ts";
import type { Tensor } from "../../../packages/runtime/src/tensor.ts";
import { rearranging } from "./heads.ts";
import { sizesOf, valuesOf, zeros } from "./values.ts";

/** One query with the rows of keys that it sees. */
interface Query {
  readonly row: number;
  readonly head: number;
  readonly kvHead: number;
  readonly firstKey: number;
}

/** softmax(scale q k) v. */
export function attend(q: Tensor, k: Tensor, v: Tensor, batch: Batch, shape: Attention): Tensor {
  const { heads, kvHeads, valueSize } = shape;
  const { tensor, values } = zeros([batch.rows, heads * valueSize]);
  for (const query of queries(batch, shape)) {
    const shares = sharesOf(q, k, query, shape);
    const to = (query.row * heads + query.head) * valueSize;
    shares.forEach((share, i) => {
      const from = ((query.firstKey + i) * kvHeads + query.kvHead) * valueSize;
      for (let n = 0; n < valueSize; n++) values[to + n] += share * valuesOf(v)[from + n];
    });
  }
  return tensor;
}

/** Gradients by all three. */
export function attendGradient(
  d: Tensor,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  batch: Batch,
  shape: Attention,
): { q: Tensor; k: Tensor; v: Tensor } {
  const { heads, kvHeads, keySize, valueSize, scale } = shape;
  const [dq, dk, dv] = [zeros(q.shape), zeros(k.shape), zeros(v.shape)];
  const [qs, ks, vs, ds] = [q, k, v, d].map(valuesOf);
  for (const query of queries(batch, shape)) {
    const shares = sharesOf(q, k, query, shape);
    const out = (query.row * heads + query.head) * valueSize;
    const byShare = shares.map((share, i) => {
      const from = ((query.firstKey + i) * kvHeads + query.kvHead) * valueSize;
      let slope = 0;
      for (let n = 0; n < valueSize; n++) {
        slope += ds[out + n] * vs[from + n];
        dv.values[from + n] += share * ds[out + n];
      }
      return slope;
    });
    const mean = shares.reduce((sum, share, i) => sum + share * byShare[i], 0);
    const at = (query.row * heads + query.head) * keySize;
    shares.forEach((share, i) => {
      const byScore = share * (byShare[i] - mean) * scale;
      const from = ((query.firstKey + i) * kvHeads + query.kvHead) * keySize;
      for (let n = 0; n < keySize; n++) {
        dq.values[at + n] += byScore * ks[from + n];
        dk.values[from + n] += byScore * qs[at + n];
      }
    });
  }
  return { q: dq.tensor, k: dk.tensor, v: dv.tensor };
}

/** Attention over latents: their first numbers are the values. */
export function latentAttend(
  q: Tensor,
  latent: Tensor,
  batch: Batch,
  shape: LatentAttention,
): Tensor {
  return attend(q, latent, valuesIn(latent, shape), batch, groupedShape(shape));
}

/** What reaches a latent as a value and what reaches it as a key add up. */
export function latentAttendGradient(
  d: Tensor,
  q: Tensor,
  latent: Tensor,
  batch: Batch,
  shape: LatentAttention,
): { q: Tensor; latent: Tensor } {
  const { rank, rotarySize } = shape;
  const parts = attendGradient(d, q, latent, valuesIn(latent, shape), batch, groupedShape(shape));
  const [rows] = sizesOf(latent);
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < rank; n++) {
      valuesOf(parts.k)[row * (rank + rotarySize) + n] += valuesOf(parts.v)[row * rank + n];
    }
  }
  return { q: parts.q, latent: parts.k };
}

function valuesIn(latent: Tensor, { rank, rotarySize }: LatentAttention): Tensor {
  return rearranging.splitHeads(latent, 1, [rank, rotarySize])[0];
}

function groupedShape({ layer, heads, rank, rotarySize, scale }: LatentAttention): Attention {
  return { layer, heads, kvHeads: 1, keySize: rank + rotarySize, valueSize: rank, scale };
}

function* queries(batch: Batch, { heads, kvHeads }: Attention): Generator<Query> {
  for (const { start, length } of batch.segments) {
    for (let row = start; row < start + length; row++) {
      for (let head = 0; head < heads; head++) {
        const kvHead = Math.floor(head * kvHeads / heads);
        yield { row, head, kvHead, firstKey: start };
      }
    }
  }
}

/** softmax of the scores of a query with the keys up to its own row. */
function sharesOf(
  q: Tensor,
  k: Tensor,
  { row, head, kvHead, firstKey }: Query,
  { heads, kvHeads, keySize, scale }: Attention,
): number[] {
  const [qs, ks] = [valuesOf(q), valuesOf(k)];
  const scores: number[] = [];
  for (let key = firstKey; key <= row; key++) {
    let sum = 0;
    for (let n = 0; n < keySize; n++) {
      sum += qs[(row * heads + head) * keySize + n] * ks[(key * kvHeads + kvHead) * keySize + n];
    }
    scores.push(scale * sum);
  }
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
