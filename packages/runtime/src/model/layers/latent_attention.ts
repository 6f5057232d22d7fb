/** Multi-head latent attention (DeepSeek-V2 2405.04434, section 2.1), absorbed and naive, loading and forward. Computes nothing itself. */
import type { Attention, LatentAttention, Ops, Rope } from "../../ops.ts";
import type { Tensor, Weight } from "../../tensor.ts";
import type { LatentConfig } from "../config/latent_config.ts";
import type { Pass } from "../language_model.ts";
import type { LoadLayer, Place } from "../block.ts";
import { loadJointWeight, loadSplitWeights } from "./latent_weights.ts";
import { yarnScoreFactor } from "./yarn.ts";

/** Of the norms over compressed queries and latents: that of DeepSeek's own code, whatever the model has elsewhere. */
const LATENT_NORM_EPSILON = 1e-6;

/** What both forms compute of a row x `[rows, C]`. */
interface Compressed {
  /** Queries `[rows, H * (N + P)]`, their last P rotated. */
  readonly queries: Tensor;
  /** Latents `[rows, R]`, normalized. */
  readonly latent: Tensor;
  /** Rotated keys `[rows, P]`, the same for all heads. */
  readonly rotary: Tensor;
}

type Compress = (pass: Pass, x: Tensor) => Compressed;
/** Attention of what is compressed -> `[rows, H * Dv]`. */
type Attend = (pass: Pass, compressed: Compressed) => Tensor;

/** Latent attention in the form that the config names; `rope` is that of heads whose last part rotates. */
export function latentAttention(rope: Rope): LoadLayer {
  // Made once, not for each layer: backends keep a step's table of angles for as long as they see the same object.
  const queryRope = { ...rope, rotaryStart: rope.headSize - rope.rotarySize };
  const keyRope = { ...rope, headSize: rope.rotarySize };
  return async (place) => {
    const { config, source, name } = place;
    const latent = config.latent as LatentConfig;
    const compress = await loadCompress(place, latent, { queryRope, keyRope });
    const load = latent.form === "absorbed" ? loadAbsorbed : loadNaive;
    const attend = await load(place, latent);
    const outputName = `${name}.attn_output.weight`;
    const size = config.heads * latent.valueSize;
    const output = await source.matrix(outputName, config.width, size);
    return (pass, x) => pass.ops.linear(attend(pass, compress(pass, x)), output);
  };
}

async function loadCompress(
  place: Place,
  latent: LatentConfig,
  { queryRope, keyRope }: { readonly queryRope: Rope; readonly keyRope: Rope },
): Promise<Compress> {
  const { source, name, config: { width } } = place;
  const { rank, rotarySize } = latent;
  const { first, rest } = await loadQueries(place, latent);
  const down = await source.matrix(`${name}.attn_kv_a_mqa.weight`, rank + rotarySize, width);
  const gain = await source.vector(`${name}.attn_kv_a_norm.weight`, rank);
  return ({ ops, batch }, x) => {
    const [queries, compressed] = ops.linears(x, [first, down]);
    const [raw, rotary] = ops.splitHeads(compressed, 1, [rank, rotarySize]);
    return {
      queries: ops.rope(rest(ops, queries), batch, queryRope),
      latent: ops.rmsNorm(raw, gain, LATENT_NORM_EPSILON),
      rotary: ops.rope(rotary, batch, keyRope),
    };
  };
}

/** The product that queries begin with, and what is left to do after it: nothing where they are not compressed. */
async function loadQueries(
  { source, name, config: { width, heads, headSize } }: Place,
  { queryRank }: LatentConfig,
): Promise<{ first: Weight; rest: (ops: Ops, x: Tensor) => Tensor }> {
  if (queryRank === 0) {
    const first = await source.matrix(`${name}.attn_q.weight`, heads * headSize, width);
    return { first, rest: (_, x) => x };
  }
  const first = await source.matrix(`${name}.attn_q_a.weight`, queryRank, width);
  const gain = await source.vector(`${name}.attn_q_a_norm.weight`, queryRank);
  const up = await source.matrix(`${name}.attn_q_b.weight`, heads * headSize, queryRank);
  const rest = (ops: Ops, x: Tensor): Tensor =>
    ops.linear(ops.rmsNorm(x, gain, LATENT_NORM_EPSILON), up);
  return { first, rest };
}

/** q k of a whole head is as large in both forms, so both have this scale. */
function scoreScale({ config: { headSize, yarn } }: Place): number {
  return headSize ** -0.5 * (yarn ? yarnScoreFactor(yarn) : 1);
}

/** The heads' key matrices are multiplied into the queries and their value matrices into the result (section 2.1.2). */
async function loadAbsorbed(place: Place, latent: LatentConfig): Promise<Attend> {
  const { layer, config: { heads } } = place;
  const { rank, nopeSize, rotarySize } = latent;
  const { keys, values } = await loadSplitWeights(place, latent);
  const shape: LatentAttention = { layer, heads, rank, rotarySize, scale: scoreScale(place) };
  return ({ ops, batch, cache }, { queries, latent, rotary }) => {
    const [nope, turned] = ops.splitHeads(queries, heads, [nopeSize, rotarySize]);
    const absorbed = ops.headLinear(nope, keys, heads);
    const joined = ops.joinHeads([absorbed, turned], heads, [rank, rotarySize]);
    const cached = ops.joinHeads([latent, rotary], 1, [rank, rotarySize]);
    return ops.headLinear(ops.latentAttend(joined, cached, batch, cache, shape), values, heads);
  };
}

/** Keys and values of each head are made out of the latents (equations 9 to 19). */
async function loadNaive(place: Place, latent: LatentConfig): Promise<Attend> {
  const { layer, config: { heads, headSize } } = place;
  const { nopeSize, rotarySize, valueSize } = latent;
  const joint = await loadJointWeight(place, latent);
  const scale = scoreScale(place);
  const sizes = { layer, heads, kvHeads: heads, keySize: headSize, valueSize };
  const shape: Attention = { ...sizes, scale };
  return ({ ops, batch, cache }, { queries, latent, rotary }) => {
    const [nope, values] = ops.splitHeads(ops.linear(latent, joint), heads, [nopeSize, valueSize]);
    const keys = ops.joinHeads([nope, rotary], heads, [nopeSize, rotarySize]);
    return ops.attend(queries, keys, values, batch, cache, shape);
  };
}
