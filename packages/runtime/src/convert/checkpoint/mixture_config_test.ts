/** Tests of mixture_config.ts and latent_config.ts: what each family leaves unsaid, sizes that do not fit, and what is refused by name. */
import { assertEquals, assertThrows } from "@std/assert";
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import type { MixtureFamily } from "./mixture_config.ts";
import { readCheckpointConfig } from "./model_config.ts";

const BASE = {
  hidden_size: 64,
  intermediate_size: 160,
  num_attention_heads: 4,
  num_hidden_layers: 3,
  vocab_size: 384,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-6,
  num_experts_per_tok: 3,
  moe_intermediate_size: 32,
};
const DEEPSEEK = {
  ...BASE,
  n_routed_experts: 8,
  kv_lora_rank: 32,
  qk_nope_head_dim: 16,
  qk_rope_head_dim: 8,
  v_head_dim: 24,
  routed_scaling_factor: 2.5,
};
const YARN = {
  type: "yarn",
  factor: 4,
  original_max_position_embeddings: 64,
  mscale: 1,
  mscale_all_dim: 1,
};
const FILES: Readonly<Record<MixtureFamily, Record<string, unknown>>> = {
  "deepseek-v2": { ...DEEPSEEK, architectures: ["DeepseekV2ForCausalLM"] },
  "deepseek-v3": {
    ...DEEPSEEK,
    architectures: ["DeepseekV3ForCausalLM"],
    n_group: 4,
    topk_group: 2,
  },
  qwen3: {
    ...BASE,
    architectures: ["Qwen3MoeForCausalLM"],
    num_experts: 8,
    norm_topk_prob: true,
  },
  olmoe: { ...BASE, architectures: ["OlmoeForCausalLM"], num_experts: 8 },
};
const read = (family: MixtureFamily, change: Record<string, unknown> = {}) =>
  readCheckpointConfig({ ...FILES[family], ...change }, "dir/config.json", family);

Deno.test("readMixtureConfig: what a family leaves unsaid", () => {
  const common = { experts: 8, used: 3, hidden: 32, shared: 0, denseLayers: 0 };
  const ungrouped = { groups: 1, groupsUsed: 1 };
  assertEquals(read("deepseek-v2").mixture, {
    ...common,
    ...ungrouped,
    family: "deepseek-v2",
    scoring: "softmax",
    hasChoiceBias: false,
    normalizes: false,
    scale: 2.5,
  });
  assertEquals(read("deepseek-v3").mixture, {
    ...common,
    family: "deepseek-v3",
    groups: 4,
    groupsUsed: 2,
    scoring: "sigmoid",
    hasChoiceBias: true,
    normalizes: true,
    scale: 2.5,
  });
  assertEquals(read("deepseek-v3", { norm_topk_prob: false }).mixture?.normalizes, false);
  const plain = {
    ...common,
    ...ungrouped,
    scoring: "softmax",
    hasChoiceBias: false,
    scale: 1,
  } as const;
  assertEquals(read("qwen3").mixture, { ...plain, family: "qwen3", normalizes: true });
  assertEquals(
    read("olmoe").mixture,
    { ...plain, family: "olmoe", hidden: 160, normalizes: false },
  );
  const local = { num_experts: undefined, num_local_experts: 6 };
  assertEquals(read("olmoe", local).mixture?.experts, 6);
});

Deno.test("readMixtureConfig: V2's groups count only where they limit the choice", () => {
  const groups = { n_group: 4, topk_group: 2 };
  const limited = read("deepseek-v2", { ...groups, topk_method: "group_limited_greedy" }).mixture;
  assertEquals([limited?.groups, limited?.groupsUsed], [4, 2]);
  const greedy = read("deepseek-v2", { ...groups, topk_method: "greedy" }).mixture;
  assertEquals([greedy?.groups, greedy?.groupsUsed], [1, 1]);
});

Deno.test("readCheckpointConfig: latent attention and YaRN", () => {
  const { latent, heads, kvHeads, headSize, nextLayers, ropeScaling } = read("deepseek-v3", {
    num_nextn_predict_layers: 1,
    q_lora_rank: 48,
    // transformers 5 calls the rotary part so.
    head_dim: 8,
    rope_scaling: { ...YARN, beta_fast: 32 },
  });
  assertEquals(latent, {
    queryRank: 48,
    rank: 32,
    nopeSize: 16,
    rotarySize: 8,
    keySize: 24,
    valueSize: 24,
  });
  assertEquals([heads, kvHeads, headSize, nextLayers], [4, 4, 24, 1]);
  assertEquals(ropeScaling, {
    type: "yarn",
    factor: 4,
    originalContextTokens: 64,
    betaFast: 32,
    betaSlow: undefined,
    scoreScale: 1,
  });
  assertEquals(read("deepseek-v2", { q_lora_rank: null }).latent?.queryRank, undefined);
  assertEquals(read("qwen3").latent, undefined);
});

Deno.test("readMixtureConfig: sizes that do not fit together are refused", () => {
  const refused = (family: MixtureFamily, change: Record<string, unknown>, message: string) =>
    assertThrows(() => read(family, change), CheckpointError, `dir/config.json${message}`);
  const cannot = (family: MixtureFamily, change: Record<string, unknown>, message: string) =>
    refused(family, change, `: the model cannot have ${message}`);
  cannot("qwen3", { num_experts_per_tok: 9 }, "9 experts a token of 8 to choose from");
  cannot("deepseek-v3", { num_experts_per_tok: 5 }, "5 experts a token of 4 to choose from");
  cannot("deepseek-v3", { n_group: 3 }, "8 experts in 3 groups");
  cannot("deepseek-v3", { topk_group: 5 }, "5 of 4 groups");
  cannot("deepseek-v3", { n_group: 8, topk_group: 8 }, "groups of 1 expert");
  cannot("deepseek-v3", { first_k_dense_replace: 4 }, "4 dense layers of 3");
  cannot("olmoe", { num_experts: 2 ** 40 }, `${2 ** 40} experts in 3 layers`);
  cannot("deepseek-v3", { qk_rope_head_dim: 7 }, "7 elements of a head that rotate");
  refused("olmoe", { num_experts: 0 }, ": num_experts must be a whole number");
  refused("olmoe", { num_experts: undefined }, ": num_local_experts must be a whole number");
  refused("deepseek-v3", { n_group: undefined }, ": n_group must be a whole number");
  refused("deepseek-v2", { routed_scaling_factor: null }, ": routed_scaling_factor must be");
  refused("deepseek-v2", { n_shared_experts: -1 }, ": n_shared_experts must be a whole number");
  refused("deepseek-v3", { kv_lora_rank: undefined }, ": kv_lora_rank must be a whole number");
});

Deno.test("readMixtureConfig: routings that are not known are refused by name", () => {
  const refused = (family: MixtureFamily, change: Record<string, unknown>, message: string) =>
    assertThrows(() => read(family, change), UnsupportedError, message);
  refused(
    "deepseek-v3",
    { topk_method: "expert_choice" },
    "topk_method expert_choice of DeepseekV3ForCausalLM is not supported (noaux_tc is)",
  );
  refused("deepseek-v2", { topk_method: "noaux_tc" }, "(greedy, group_limited_greedy is)");
  refused(
    "deepseek-v2",
    { scoring_func: "sigmoid" },
    "scoring_func sigmoid of DeepseekV2ForCausalLM is not supported (softmax is)",
  );
  refused("deepseek-v3", { scoring_func: "sqrtsoftplus" }, "scoring_func sqrtsoftplus");
  refused("deepseek-v2", { norm_topk_prob: true }, "norm_topk_prob true");
  refused("deepseek-v3", { moe_layer_freq: 2 }, "moe_layer_freq 2");
  refused("deepseek-v3", { rope_interleave: false }, "rope_interleave false");
  refused("qwen3", { norm_topk_prob: undefined }, "norm_topk_prob undefined");
  refused("qwen3", { decoder_sparse_step: 2 }, "decoder_sparse_step 2");
  refused("qwen3", { mlp_only_layers: [0] }, "mlp_only_layers [0]");
  refused("olmoe", { norm_topk_prob: true }, "norm_topk_prob true of OlmoeForCausalLM");
  refused("olmoe", { clip_qkv: 8 }, "clip_qkv 8 of OlmoeForCausalLM is not supported (null is)");
  refused("deepseek-v3", { attention_bias: true }, "attention_bias of DeepseekV3ForCausalLM");
});

Deno.test("readCheckpointConfig: kinds of YaRN that are not known are refused", () => {
  const refused = (change: Record<string, unknown>, message: string) =>
    assertThrows(
      () => read("deepseek-v3", { rope_scaling: { ...YARN, ...change } }),
      UnsupportedError,
      message,
    );
  refused({ mscale: 0.707 }, "mscale 0.707 of rope_scaling beside mscale_all_dim 1");
  refused({ attention_factor: 1.2 }, "attention_factor of rope_scaling");
  refused({ truncate: false }, "truncate of rope_scaling");
  refused({ type: "su" }, "(default, linear, llama3 and yarn are)");
  assertThrows(
    () => read("qwen3", { rope_scaling: YARN }),
    UnsupportedError,
    "RoPE scaling of type yarn is not supported yet",
  );
});
