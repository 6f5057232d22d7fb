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
    const layers = this.#need("block_count") - (this.#number("nextn_predict_layers") ?? 0);
    const routing = new Map<number, TokenChoice[]>();
    const hidden: Float64Array[] = [];
    let x = this.#embedded(ids, "token_embd.weight");
    for (let layer = 0; layer < layers; layer++) {
      const { rows, choices } = this.#block(x, layer, forced?.get(layer));
      x = rows;
      if (choices.length > 0) routing.set(layer, choices);
      hidden.push(flat(x));
    }
    const out = this.#normed(x, "output_norm.weight");
    hidden.push(flat(out));
    return { logits: this.#logits(out, this.#head()), hidden, routing };
  }

  /**
   * Multi-token prediction (2412.19437, equations 21 to 23) over one sequence, whose last `guessed` tokens the layer has
   * guessed itself: there it goes on from its own normed state. Row i has the logits `[V]` of token i + 2.
   */
  guesses(ids: readonly number[], guessed = 0): Float64Array {
    const layer = this.#need("block_count") - 1;
    const name = (part: string) => `blk.${layer}.nextn.${part}.weight`;
    const has = (part: string) => this.#model.tensors.has(name(part));
    const width = this.#need("embedding_length");
    const table = has("embed_tokens") ? name("embed_tokens") : "token_embd.weight";
    const tokens = this.#normed(this.#embedded(ids.slice(1), table), name("enorm"));
    const { hidden } = this.pass(ids.slice(0, ids.length - guessed));
    const given = rowsOf(hidden[hidden.length - 1], width).slice(0, tokens.length - guessed);
    const states = this.#normed(given, name("hnorm"));
    let out: Row[] = [];
    for (;;) {
      const x = states.map((state, i) =>
        product(Float64Array.from([...tokens[i], ...state]), this.#tensor(name("eh_proj")), width)
      );
      const gain = has("shared_head_norm") ? name("shared_head_norm") : "output_norm.weight";
      out = this.#normed(this.#block(x, layer).rows, gain);
      if (states.length === tokens.length) break;
      states.push(...this.#normed([out[out.length - 1]], name("hnorm")));
    }
    const own = has("shared_head_head") ? this.#tensor(name("shared_head_head")) : undefined;
    return this.#logits(out, own ?? this.#head());
  }

  #embedded(ids: readonly number[], table: string): Row[] {
    const [values, width] = [this.#tensor(table), this.#need("embedding_length")];
    return ids.map((id) => Float64Array.from(values.slice(id * width, (id + 1) * width)));
  }

  #normed(rows: readonly Row[], gain: string): Row[] {
    return rows.map((row) => rmsNorm(row, this.#tensor(gain), this.#attention.epsilon));
  }

  #head(): Float32Array {
    const head = this.#model.tensors.get("output.weight")?.values;
    return head ?? this.#tensor("token_embd.weight");
  }

  #logits(rows: readonly Row[], head: Float32Array): Float64Array {
    return flat(rows.map((row) => product(row, head, head.length / row.length)));
  }

  #block(
    x: readonly Row[],
    layer: number,
    forced?: readonly (readonly number[])[],
  ): { rows: Row[]; choices: TokenChoice[] } {
    const weights = (part: string) => this.#model.tensors.get(`blk.${layer}.${part}`)?.values;
    const normed = (rows: readonly Row[], name: string) =>
      this.#normed(rows, `blk.${layer}.${name}.weight`);
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

function rowsOf(values: Float64Array, width: number): Row[] {
  return Array.from(
    { length: values.length / width },
    (_, row) => values.slice(row * width, (row + 1) * width),
  );
}
