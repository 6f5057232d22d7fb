/** Grouped-query attention with RoPE (Touvron et al. 2307.09288, section 2.2), loading and forward. Computes nothing itself. */
import type { Attention, Rope } from "../../ops.ts";
import type { Tensor, Weight } from "../../tensor.ts";
import type { LoadLayer, Place } from "../block.ts";

/** What tells the architectures apart. */
export interface AttentionKind {
  /** Whether the products for q, k and v have a bias. */
  readonly qkvBias: boolean;
  /** What of q and k is normalized before it rotates: nothing, each head by itself, or a whole row. */
  readonly qkNorm: "none" | "heads" | "rows";
}

/** Attention of a kind; `rope` says which elements of a head rotate together in the stored q and k. */
export function groupedAttention(kind: AttentionKind, rope: Rope): LoadLayer {
  return async (place) => {
    const { config, layer, source, name } = place;
    const { width, heads, kvHeads, headSize, normEpsilon } = config;
    const [qSize, kvSize] = [heads * headSize, kvHeads * headSize];
    const q = await projection(kind, place, "q", qSize);
    const k = await projection(kind, place, "k", kvSize);
    const v = await projection(kind, place, "v", kvSize);
    const qNorm = await gain(kind, place, "q", qSize);
    const kNorm = await gain(kind, place, "k", kvSize);
    const output = await source.matrix(`${name}.attn_output.weight`, width, qSize);
    const scale = headSize ** -0.5;
    const sizes = { layer, heads, kvHeads, keySize: headSize, valueSize: headSize };
    const shape: Attention = { ...sizes, scale };
    return ({ ops, batch, cache }, x) => {
      const normed = (part: Tensor, by?: Tensor) => by ? ops.rmsNorm(part, by, normEpsilon) : part;
      const [rawQ, rawK, values] = ops.linears(x, [q, k, v]);
      const queries = ops.rope(normed(rawQ, qNorm), batch, rope);
      const keys = ops.rope(normed(rawK, kNorm), batch, rope);
      return ops.linear(ops.attend(queries, keys, values, batch, cache, shape), output);
    };
  };
}

async function projection(
  { qkvBias }: AttentionKind,
  { source, name, config }: Place,
  which: string,
  rows: number,
): Promise<Weight> {
  const weight = await source.matrix(`${name}.attn_${which}.weight`, rows, config.width);
  if (!qkvBias) return weight;
  return { ...weight, bias: await source.vector(`${name}.attn_${which}.bias`, rows) };
}

async function gain(
  { qkNorm }: AttentionKind,
  { source, name, config }: Place,
  which: string,
  rows: number,
): Promise<Tensor | undefined> {
  if (qkNorm === "none") return undefined;
  const size = qkNorm === "heads" ? config.headSize : rows;
  return await source.vector(`${name}.attn_${which}_norm.weight`, size);
}
