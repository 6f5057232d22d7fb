/** Where the tensors of mixtures, of latent attention and of layers that guess further tokens go. Reads no files, moves no weights. */
import { UnsupportedError } from "../errors.ts";
import type { LatentConfig } from "./checkpoint/latent_config.ts";
import type { MixtureConfig } from "./checkpoint/mixture_config.ts";
import type { CheckpointConfig } from "./checkpoint/model_config.ts";
import type { WantedTensors } from "./wanted_tensor.ts";

/** The feed-forward part of a layer with experts: router, experts one by one, the shared ones as one. */
export function addExperts(
  wanted: WantedTensors,
  layer: number,
  width: number,
  mixture: Pick<MixtureConfig, "experts" | "hidden" | "shared" | "hasChoiceBias">,
): void {
  const { experts, hidden, shared } = mixture;
  const [from, to] = [`model.layers.${layer}.mlp`, `blk.${layer}`];
  wanted.add(`${from}.gate.weight`, `${to}.ffn_gate_inp.weight`, [experts, width], {
    kind: "router",
  });
  if (mixture.hasChoiceBias) {
    wanted.add(`${from}.gate.e_score_correction_bias`, `${to}.exp_probs_b.bias`, [experts]);
  }
  for (const part of ["gate", "up", "down"]) {
    const shape = (size: number) => part === "down" ? [width, size] : [size, width];
    for (let index = 0; index < experts; index++) {
      wanted.add(
        `${from}.experts.${index}.${part}_proj.weight`,
        `${to}.ffn_${part}_exps.weight`,
        shape(hidden),
        { kind: "expert", layer, index, experts },
      );
    }
    if (shared === 0) continue;
    wanted.add(
      `${from}.shared_experts.${part}_proj.weight`,
      `${to}.ffn_${part}_shexp.weight`,
      shape(shared * hidden),
    );
  }
}

/** Multi-head latent attention, but for its output. */
export function addLatentAttention(
  wanted: WantedTensors,
  layer: number,
  { width, heads }: Pick<CheckpointConfig, "width" | "heads">,
  latent: LatentConfig,
): void {
  const { queryRank, rank, rotarySize, keySize, nopeSize, valueSize } = latent;
  const [from, to] = [`model.layers.${layer}.self_attn`, `blk.${layer}`];
  const add = (part: string, name: string, shape: readonly number[]) =>
    wanted.add(`${from}.${part}.weight`, `${to}.${name}.weight`, shape);
  if (queryRank === undefined) add("q_proj", "attn_q", [heads * keySize, width]);
  else {
    add("q_a_proj", "attn_q_a", [queryRank, width]);
    add("q_a_layernorm", "attn_q_a_norm", [queryRank]);
    add("q_b_proj", "attn_q_b", [heads * keySize, queryRank]);
  }
  add("kv_a_proj_with_mqa", "attn_kv_a_mqa", [rank + rotarySize, width]);
  add("kv_a_layernorm", "attn_kv_a_norm", [rank]);
  wanted.add(
    `${from}.kv_b_proj.weight`,
    `${to}.attn_k_b.weight`,
    [heads * (nopeSize + valueSize), rank],
    { kind: "keysAndValues", valuesName: `${to}.attn_v_b.weight`, nopeSize, valueSize },
  );
}

/** What a layer that guesses a further token has besides a layer's own (DeepSeek-V3 2412.19437, 2.2). */
export function addNextToken(
  wanted: WantedTensors,
  layer: number,
  { width, vocabulary }: Pick<CheckpointConfig, "width" | "vocabulary">,
): void {
  const [from, to] = [`model.layers.${layer}`, `blk.${layer}.nextn`];
  wanted.add(`${from}.eh_proj.weight`, `${to}.eh_proj.weight`, [width, 2 * width]);
  wanted.add(`${from}.enorm.weight`, `${to}.enorm.weight`, [width]);
  wanted.add(`${from}.hnorm.weight`, `${to}.hnorm.weight`, [width]);
  const matrix = [vocabulary, width];
  wanted.addOptional(`${from}.embed_tokens.weight`, `${to}.embed_tokens.weight`, matrix);
  wanted.addOptional(`${from}.shared_head.norm.weight`, `${to}.shared_head_norm.weight`, [width]);
  wanted.addOptional(`${from}.shared_head.head.weight`, `${to}.shared_head_head.weight`, matrix);
}

/**
 * The sizes without layers that guess further tokens where a folder has none of their tensors: fine-tunes drop them.
 * @throws {UnsupportedError} for more than one of them, which no published model has
 */
export function withFoundLayers(
  config: CheckpointConfig,
  tensors: ReadonlyMap<string, unknown>,
): CheckpointConfig {
  const prefix = `model.layers.${config.layers}.`;
  const isFound = [...tensors.keys()].some((name) => name.startsWith(prefix));
  if (!isFound) return { ...config, nextLayers: 0 };
  if (config.nextLayers <= 1) return config;
  throw new UnsupportedError(
    `A model with ${config.nextLayers} layers for multi-token prediction is not supported yet, only with 1`,
    String(config.nextLayers),
  );
}
