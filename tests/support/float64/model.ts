/** A decoder-only transformer in float64, by plain loops over one sequence and without a cache: the oracle for models that
 * no other implementation is at hand for. Reads sizes and weights from a GGUF file by itself; slow. */
import { attention, type AttentionSizes } from "./attention.ts";
import { product, rmsNorm, type Row, sum, swiglu } from "./matrices.ts";
import { mixture, type MixtureSizes, type TokenChoice } from "./mixture.ts";
import { type Rotation, rotationOf } from "./rotation.ts";
import type { PlainModel } from "./weights.ts";

/** What a pass over a sequence gives. */
export interface TwinPass {
  /** `[T, V]`. */
  readonly logits: Float64Array;
  /** Output of each layer, the norm's at the end: `[T, C]` each. */
  readonly hidden: readonly Float64Array[];
  /** Of each layer with a mixture, one choice a token. */
  readonly routing: ReadonlyMap<number, readonly TokenChoice[]>;
}

/** Experts that tokens must go to, by layer. */
export type Forced = ReadonlyMap<number, readonly (readonly number[])[]>;

/** The twin of a model file. */
export class Float64Twin {
  readonly #model: PlainModel;
  readonly #architecture: string;
  readonly #attention: AttentionSizes;
  readonly #mixture?: MixtureSizes;
  readonly #rotation: Rotation;
  readonly #denseLayers: number;

  constructor(model: PlainModel) {
    this.#model = model;
    this.#architecture = model.metadata.string("general.architecture");
    this.#attention = this.#attentionSizes();
    const { latent, headSize } = this.#attention;
    const rotarySize = latent?.rotarySize ?? this.#number("rope.dimension_count") ?? headSize;
    this.#rotation = rotationOf(model.metadata, this.#architecture, rotarySize);
    this.#mixture = this.#mixtureSizes();
    this.#denseLayers = this.#mixture ? this.#number("leading_dense_block_count") ?? 0 : Infinity;
  }

  /** Feeds one sequence. */
  pass(ids: readonly number[], forced?: Forced): TwinPass {
    const embedding = this.#tensor("token_embd.weight");
    const width = this.#need("embedding_length");
    const layers = this.#need("block_count");
    const routing = new Map<number, TokenChoice[]>();
    const hidden: Float64Array[] = [];
    let x: Row[] = ids.map((id) =>
      Float64Array.from(embedding.slice(id * width, (id + 1) * width))
    );
    for (let layer = 0; layer < layers; layer++) {
      const { rows, choices } = this.#block(x, layer, forced?.get(layer));
      x = rows;
      if (choices.length > 0) routing.set(layer, choices);
      hidden.push(flat(x));
    }
    const gain = this.#tensor("output_norm.weight");
    const out = x.map((row) => rmsNorm(row, gain, this.#attention.epsilon));
    hidden.push(flat(out));
    const head = this.#model.tensors.get("output.weight")?.values ?? embedding;
    const logits = out.map((row) => product(row, head, head.length / width));
    return { logits: flat(logits), hidden, routing };
  }

  #block(
    x: readonly Row[],
    layer: number,
    forced?: readonly (readonly number[])[],
  ): { rows: Row[]; choices: TokenChoice[] } {
    const { epsilon } = this.#attention;
    const weights = (part: string) => this.#model.tensors.get(`blk.${layer}.${part}`)?.values;
    const normed = (rows: readonly Row[], name: string): Row[] =>
      rows.map((row) => rmsNorm(row, this.#tensor(`blk.${layer}.${name}.weight`), epsilon));
    const attended = attention(
      normed(x, "attn_norm"),
      this.#attention,
      (part) => weights(`attn_${part}`),
      this.#rotation,
    ).map((row, i) => sum(row, x[i]));
    const choices: TokenChoice[] = [];
    const rows = normed(attended, "ffn_norm").map((row, i) => {
      if (this.#mixture && layer >= this.#denseLayers) {
        const { out, choice } = mixture(row, this.#mixture, weights, forced?.[i]);
        choices.push(choice);
        return sum(out, attended[i]);
      }
      const dense = ["gate", "up", "down"].map((part) =>
        this.#tensor(`blk.${layer}.ffn_${part}.weight`)
      );
      return sum(swiglu(row, dense[0].length / row.length, dense), attended[i]);
    });
    return { rows, choices };
  }

  #attentionSizes(): AttentionSizes {
    const heads = this.#need("attention.head_count");
    const epsilon = this.#need("attention.layer_norm_rms_epsilon");
    const rank = this.#number("attention.kv_lora_rank");
    const size = (name: string) =>
      this.#number(`attention.${name}_mla`) ?? this.#number(`attention.${name}`);
    if (rank === undefined) {
      const headSize = size("key_length") ?? this.#need("embedding_length") / heads;
      const kvHeads = this.#number("attention.head_count_kv") ?? heads;
      return { heads, kvHeads, headSize, epsilon };
    }
    const latent = {
      queryRank: this.#number("attention.q_lora_rank") ?? 0,
      rank,
      rotarySize: this.#need("rope.dimension_count"),
      valueSize: size("value_length") ?? NaN,
    };
    return { heads, kvHeads: heads, headSize: size("key_length") ?? NaN, epsilon, latent };
  }

  #mixtureSizes(): MixtureSizes | undefined {
    const experts = this.#number("expert_count") ?? 0;
    if (experts === 0) return undefined;
    const bank = this.#model.tensors.get(
      `blk.${this.#need("block_count") - 1}.ffn_gate_exps.weight`,
    );
    return {
      experts,
      used: this.#need("expert_used_count"),
      hidden: bank?.dims[1] ?? NaN,
      shared: this.#number("expert_shared_count") ?? 0,
      isSigmoid: this.#number("expert_gating_func") === 2,
      groups: this.#number("expert_group_count") ?? 1,
      groupsUsed: this.#number("expert_group_used_count") ?? 1,
      isNormalized: this.#model.metadata.optionalBoolean(
        `${this.#architecture}.expert_weights_norm`,
      ) ?? this.#architecture === "qwen3moe",
      scale: this.#number("expert_weights_scale") ?? 1,
    };
  }

  #tensor(name: string): Float32Array {
    const found = this.#model.tensors.get(name);
    if (!found) throw new TypeError(`${name} is missing`);
    return found.values;
  }

  #number(key: string): number | undefined {
    return this.#model.metadata.optionalNumber(`${this.#architecture}.${key}`);
  }

  #need(key: string): number {
    return this.#model.metadata.number(`${this.#architecture}.${key}`);
  }
}

function flat(rows: readonly Row[]): Float64Array {
  const out = new Float64Array(rows.length * rows[0].length);
  rows.forEach((row, i) => out.set(row, i * row.length));
  return out;
}
