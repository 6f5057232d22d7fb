/** Attention in float64 by plain loops: grouped queries with their norms, and latent attention as the paper's equations
 * have it (2405.04434, equations 9 to 19), never absorbed. */
import { product, rmsNorm, type Row, softmax } from "./matrices.ts";
import { rotated, type Rotation } from "./rotation.ts";

/** Sizes of attention, of which latent attention has those at the end too. */
export interface AttentionSizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly epsilon: number;
  readonly latent?: {
    readonly queryRank: number;
    readonly rank: number;
    readonly rotarySize: number;
    readonly valueSize: number;
  };
}

/** A weight of the layer by the part of its name after `attn_`; undefined where the file has none. */
export type Weights = (part: string) => ArrayLike<number> | undefined;

/** Of DeepSeek's code for its compressed queries and latents. */
const LATENT_EPSILON = 1e-6;

/** Keys, queries and values of one token, each head by itself. */
interface Heads {
  readonly q: Row[];
  readonly k: Row[];
  readonly v: Row[];
}

/** Causal attention over normalized rows x of one sequence, the output product included. */
export function attention(
  x: readonly Row[],
  sizes: AttentionSizes,
  weights: Weights,
  rotation: Rotation,
): Row[] {
  const heads = sizes.latent ? latentHeads : groupedHeads;
  const tokens = x.map((row, position) => heads(row, position, sizes, weights, rotation));
  const group = sizes.heads / sizes.kvHeads;
  const scale = sizes.headSize ** -0.5 * rotation.scoreFactor;
  return tokens.map(({ q }, position) => {
    const seen = tokens.slice(0, position + 1);
    const joined = q.flatMap((query, head) => {
      const from = Math.floor(head / group);
      const shares = softmax(Float64Array.from(seen, ({ k }) => scale * dot(query, k[from])));
      const size = seen[0].v[from].length;
      return Array.from(
        { length: size },
        (_, i) => seen.reduce((total, { v }, at) => total + shares[at] * v[from][i], 0),
      );
    });
    return product(Float64Array.from(joined), need(weights, "output.weight"), x[0].length);
  });
}

function groupedHeads(
  x: Row,
  position: number,
  { heads, kvHeads, headSize, epsilon }: AttentionSizes,
  weights: Weights,
  rotation: Rotation,
): Heads {
  const parts = (name: string, count: number): Row[] => {
    const bias = weights(`${name}.bias`);
    const raw = product(x, need(weights, `${name}.weight`), count * headSize)
      .map((value, i) => value + (bias?.[i] ?? 0));
    const gain = weights(`${name}_norm.weight`);
    const whole = gain?.length === raw.length ? rmsNorm(raw, gain, epsilon) : raw;
    const cut = cutHeads(whole, count);
    return gain?.length === headSize ? cut.map((head) => rmsNorm(head, gain, epsilon)) : cut;
  };
  const turn = (head: Row) => rotated(head, position, rotation);
  return {
    q: parts("q", heads).map(turn),
    k: parts("k", kvHeads).map(turn),
    v: parts("v", kvHeads),
  };
}

function latentHeads(
  x: Row,
  position: number,
  { heads, headSize, latent }: AttentionSizes,
  weights: Weights,
  rotation: Rotation,
): Heads {
  if (!latent) throw new TypeError("no latents");
  const { queryRank, rank, rotarySize, valueSize } = latent;
  const nope = headSize - rotarySize;
  const turn = (part: Row) => rotated(part, position, rotation);
  const compressed = queryRank === 0 ? x : rmsNorm(
    product(x, need(weights, "q_a.weight"), queryRank),
    need(weights, "q_a_norm.weight"),
    LATENT_EPSILON,
  );
  const up = queryRank === 0 ? "q.weight" : "q_b.weight";
  const q = cutHeads(product(compressed, need(weights, up), heads * headSize), heads)
    .map((head) => joined(head.slice(0, nope), turn(head.slice(nope))));
  const down = product(x, need(weights, "kv_a_mqa.weight"), rank + rotarySize);
  const c = rmsNorm(down.slice(0, rank), need(weights, "kv_a_norm.weight"), LATENT_EPSILON);
  const rotary = turn(down.slice(rank));
  const { k, v } = latentParts(c, heads, nope, valueSize, weights);
  return { q, k: k.map((part) => joined(part, rotary)), v };
}

/** What each head makes of a latent, out of either arrangement of the weights. */
function latentParts(
  c: Row,
  heads: number,
  nope: number,
  valueSize: number,
  weights: Weights,
): Pick<Heads, "k" | "v"> {
  const joint = weights("kv_b.weight");
  const all = Array.from({ length: heads }, (_, head) => head);
  if (joint) {
    const rows = nope + valueSize;
    return {
      k: all.map((head) => product(c, joint, nope, head * rows)),
      v: all.map((head) => product(c, joint, valueSize, head * rows + nope)),
    };
  }
  const [keys, values] = [need(weights, "k_b.weight"), need(weights, "v_b.weight")];
  return {
    k: all.map((head) =>
      Float64Array.from(
        { length: nope },
        (_, n) =>
          c.reduce((total, value, r) => total + value * keys[(head * c.length + r) * nope + n], 0),
      )
    ),
    v: all.map((head) => product(c, values, valueSize, head * valueSize)),
  };
}

function need(weights: Weights, part: string): ArrayLike<number> {
  const found = weights(part);
  if (!found) throw new TypeError(`attn_${part} is missing`);
  return found;
}

function cutHeads(x: Row, count: number): Row[] {
  const size = x.length / count;
  return Array.from({ length: count }, (_, head) => x.slice(head * size, (head + 1) * size));
}

function joined(a: Row, b: Row): Row {
  return Float64Array.from([...a, ...b]);
}

function dot(a: Row, b: Row): number {
  return a.reduce((total, value, i) => total + value * b[i], 0);
}
