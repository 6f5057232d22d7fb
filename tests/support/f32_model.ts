/** Model files made from a fixture of any format with all tensors as F32, some of them changed. Checks nothing. */
import { readFileSync } from "node:fs";
import { type ModelSpec, modelSpec, withKey } from "./edited_model.ts";
import { readPlainModel } from "./float64/weights.ts";
import { fixturePath } from "./fixture.ts";
import { ggufBytes, plainMetadata, type TestTensor } from "./gguf_bytes.ts";
import { seededRandom } from "./seeded_random.ts";

/** A fixture such as `models/qwen3_moe/gguf/model-Q8_0.gguf`, dequantized. */
export async function f32Model(fixture: string): Promise<ModelSpec> {
  const spec = await modelSpec(fixture);
  const { tensors } = await readPlainModel(new Blob([readFileSync(fixturePath(fixture))]));
  return {
    ...spec,
    tensors: spec.tensors.map(({ name, dims }) => {
      const values = tensors.get(name)?.values ?? new Float32Array();
      return { name, dims, type: "F32", data: new Uint8Array(values.slice().buffer) };
    }),
  };
}

/** The parts with keys set. */
export function withKeys(
  spec: ModelSpec,
  values: Parameters<typeof plainMetadata>[0],
): ModelSpec {
  return plainMetadata(values).reduce(
    (changed, [key, value]) => withKey(changed, key, value),
    spec,
  );
}

/** A vector of seeded numbers around 1, as a gain of a norm. */
export function randomGain(name: string, size: number, seed: number): TestTensor {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: size }, () => 0.5 + random(1000) / 1000);
  return { name, dims: [size], type: "F32", data: new Uint8Array(values.buffer) };
}

/** An OLMoE model out of the Qwen3 mixture's tensors: norms over whole rows of q and k, weights not normalized. */
export async function olmoeModel(): Promise<ModelSpec> {
  const qwen = await f32Model("models/qwen3_moe/gguf/model-Q8_0.gguf");
  const metadata = qwen.metadata
    .filter(([key]) => !/expert_feed_forward_length|\.feed_forward_length/.test(key))
    .map(([key, value]) => [key.replace(/^qwen3moe\./, "olmoe."), value] as const);
  const norms: readonly [string, number][] = [["q", 4 * 32], ["k", 2 * 32]];
  const gains = [0, 1].flatMap((layer) =>
    norms.map(([part, size]) => randomGain(`blk.${layer}.attn_${part}_norm.weight`, size, layer))
  );
  const names = new Set(gains.map(({ name }) => name));
  const tensors = [...qwen.tensors.filter(({ name }) => !names.has(name)), ...gains];
  return withKeys({ ...qwen, metadata, tensors }, {
    "general.architecture": "olmoe",
    "olmoe.feed_forward_length": 32,
  });
}

/** DeepSeek-V2 as its largest model is: experts in groups, of which a token may use some. */
export async function groupedV2Model(): Promise<ModelSpec> {
  const lite = await f32Model("models/deepseek_v2_lite/gguf/model-F32-legacy.gguf");
  return withKeys(lite, {
    "deepseek2.expert_group_count": 4,
    "deepseek2.expert_group_used_count": 2,
    "deepseek2.expert_weights_scale": 4,
  });
}

/** A dense model whose context YaRN stretches, without a multiplier of scores: cos and sin carry the paper's factor. */
export async function yarnLlamaModel(): Promise<ModelSpec> {
  return withKeys(await modelSpec("models/llama_untied/gguf/model-F32.gguf"), {
    "llama.rope.scaling.type": "yarn",
    "llama.rope.scaling.factor": 4,
    "llama.rope.scaling.original_context_length": 32,
    "llama.rope.dimension_count": 8,
  });
}

/** Its bytes. */
export function modelBlob(spec: ModelSpec): Blob {
  return new Blob([new Uint8Array(ggufBytes(spec))]);
}

/** Sizes of which none fills whole tiles of 8 rows, and of one head more than a power of two. */
const ODD = {
  heads: 3,
  rank: 36,
  nope: 12,
  rotary: 4,
  value: 20,
  experts: 7,
  hidden: 20,
  width: 64,
};

/** DeepSeek-V3's architecture with random weights in sizes that no tile divides; queries are not compressed. */
export async function oddV3Model(): Promise<ModelSpec> {
  const { heads, rank, nope, rotary, value, experts, hidden, width } = ODD;
  const v3 = await modelSpec("models/deepseek_v3/gguf/model-F32.gguf");
  const random = seededRandom(6);
  const dims: Readonly<Record<string, readonly number[]>> = {
    "attn_kv_a_mqa.weight": [width, rank + rotary],
    "attn_kv_a_norm.weight": [rank],
    "attn_k_b.weight": [nope, rank, heads],
    "attn_v_b.weight": [rank, value, heads],
    "attn_output.weight": [heads * value, width],
    "attn_q_b.weight": [width, heads * (nope + rotary)],
    "ffn_gate_exps.weight": [width, hidden, experts],
    "ffn_up_exps.weight": [width, hidden, experts],
    "ffn_down_exps.weight": [hidden, width, experts],
    "ffn_gate_shexp.weight": [width, hidden],
    "ffn_up_shexp.weight": [width, hidden],
    "ffn_down_shexp.weight": [hidden, width],
    "ffn_gate_inp.weight": [width, experts],
    "exp_probs_b.bias": [experts],
  };
  const tensors = v3.tensors.flatMap((tensor) => {
    const part = tensor.name.replace(/^blk\.\d+\./, "");
    if (part.startsWith("attn_q_a")) return [];
    const own = dims[part];
    if (!own) return [tensor];
    const size = own.reduce((product, n) => product * n, 1);
    const scale = own.length === 1 ? 1 : own[0] ** -0.5;
    const values = Float32Array.from({ length: size }, () => (random(4001) / 1000 - 2) * scale);
    const name = tensor.name.replace("attn_q_b", "attn_q");
    return [{ name, dims: own, type: "F32", data: new Uint8Array(values.buffer) }];
  });
  return withKeys(withKey({ ...v3, tensors }, "deepseek2.attention.q_lora_rank"), {
    "deepseek2.attention.head_count": heads,
    "deepseek2.attention.kv_lora_rank": rank,
    "deepseek2.attention.key_length_mla": nope + rotary,
    "deepseek2.attention.value_length_mla": value,
    "deepseek2.rope.dimension_count": rotary,
    "deepseek2.expert_count": experts,
    "deepseek2.expert_feed_forward_length": hidden,
    "deepseek2.expert_group_count": 1,
    "deepseek2.expert_group_used_count": 1,
  });
}
