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
    "deepseek2.expert_weights_scale": 16,
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
