/** Tests of reading the sizes of DeepSeek's models and of other mixtures: old files, new files, what cannot be. */
import { assertEquals, assertThrows } from "@std/assert";
import { ModelError, UnsupportedError } from "../../errors.ts";
import { Metadata, type PlainValue } from "../../gguf/metadata.ts";
import { type ModelConfig, readConfig } from "../config.ts";
import { kvShapeOf } from "./kv_shape.ts";

type Values = Readonly<Record<string, PlainValue | undefined>>;

/** DeepSeek-V3's sizes as converters write them. */
const V3: Values = {
  block_count: 61,
  embedding_length: 7168,
  feed_forward_length: 18432,
  context_length: 163_840,
  vocab_size: 129_280,
  "attention.head_count": 128,
  "attention.head_count_kv": 1,
  "attention.layer_norm_rms_epsilon": 1e-6,
  "attention.q_lora_rank": 1536,
  "attention.kv_lora_rank": 512,
  "attention.key_length": 576,
  "attention.value_length": 512,
  "attention.key_length_mla": 192,
  "attention.value_length_mla": 128,
  "rope.dimension_count": 64,
  "rope.scaling.type": "yarn",
  "rope.scaling.factor": 40,
  "rope.scaling.original_context_length": 4096,
  "rope.scaling.yarn_log_multiplier": 0.1,
  expert_count: 256,
  expert_used_count: 8,
  expert_shared_count: 1,
  expert_feed_forward_length: 2048,
  expert_group_count: 8,
  expert_group_used_count: 4,
  expert_gating_func: 2,
  expert_weights_norm: true,
  expert_weights_scale: 2.5,
  leading_dense_block_count: 3,
};

/** DeepSeek-V2-Lite's sizes as the first files had them: joint keys and values, nothing said of the gate. */
const OLD_LITE: Values = {
  ...V3,
  block_count: 27,
  embedding_length: 2048,
  feed_forward_length: 10944,
  "attention.head_count": 16,
  "attention.head_count_kv": 16,
  "attention.q_lora_rank": undefined,
  "attention.key_length": 192,
  "attention.value_length": 128,
  "attention.key_length_mla": undefined,
  "attention.value_length_mla": undefined,
  "rope.scaling.yarn_log_multiplier": 0.0707,
  expert_count: 64,
  expert_used_count: 6,
  expert_shared_count: 2,
  expert_feed_forward_length: 1408,
  expert_group_count: undefined,
  expert_group_used_count: undefined,
  expert_gating_func: undefined,
  expert_weights_norm: undefined,
  expert_weights_scale: 1,
  leading_dense_block_count: 1,
};

/** Sizes by a file with tensors of the first `blocks` blocks. */
function config(values: Values, architecture = "deepseek2", blocks = 0): ModelConfig {
  const pairs = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [[`${architecture}.${key}`, value] as const]
  );
  const has = (prefix: string) => {
    const [, block, part] = prefix.split(".");
    return Number(block) < blocks && (part !== "nextn" || Number(block) === blocks - 1);
  };
  return readConfig(architecture, Metadata.from(Object.fromEntries(pairs)), 129_280, has);
}

Deno.test("deepseek2: a new file's sizes", () => {
  const { kvHeads, headSize, rotarySize, latent, mixture, yarn } = config(V3);
  assertEquals([kvHeads, headSize, rotarySize], [128, 192, 64]);
  assertEquals(latent, {
    form: "absorbed",
    queryRank: 1536,
    rank: 512,
    nopeSize: 128,
    rotarySize: 64,
    valueSize: 128,
  });
  assertEquals(mixture, {
    experts: 256,
    used: 8,
    hidden: 2048,
    shared: 1,
    denseLayers: 3,
    scoring: "sigmoid",
    needsBias: true,
    groups: 8,
    groupsUsed: 4,
    groupScore: "top2",
    normalize: true,
    scale: 2.5,
  });
  assertEquals(yarn, {
    factor: 40,
    originalContextTokens: 4096,
    betaFast: 32,
    betaSlow: 1,
    logMultiplier: 0.1,
  });
});

Deno.test("deepseek2: what an old file leaves unsaid", () => {
  const { headSize, latent, mixture } = config(OLD_LITE);
  assertEquals([headSize, latent?.queryRank, latent?.valueSize], [192, 0, 128]);
  const { scoring, needsBias, groups, groupsUsed, groupScore, normalize, scale } = mixture ?? {};
  assertEquals([scoring, needsBias, normalize, scale], ["softmax", false, false, 1]);
  assertEquals([groups, groupsUsed, groupScore], [1, 1, "max"]);
  assertEquals(config({ ...OLD_LITE, expert_weights_scale: 0 }).mixture?.scale, 1);
  assertEquals(config({ ...OLD_LITE, expert_weights_scale: undefined }).mixture?.scale, 1);
  assertEquals(config({ ...OLD_LITE, expert_count: undefined }).mixture, undefined);
});

Deno.test("deepseek2: a layer that guesses a further token is counted apart, and has keys", () => {
  const next = config({ ...V3, block_count: 62, nextn_predict_layers: 1 }, "deepseek2", 62);
  assertEquals([next.layers, next.nextLayers], [61, 1]);
  assertEquals(kvShapeOf(next, "f16"), {
    ...kvShapeOf(config(V3), "f16"),
    layers: 62,
    lookahead: 1,
  });
  assertEquals(config(V3).nextLayers, undefined);
  assertEquals(config({ ...V3, nextn_predict_layers: 61 }).layers, 61); // none is stored
});

Deno.test("deepseek2: Moonlight's shape has no YaRN", () => {
  const { yarn, latent } = config({
    ...V3,
    "rope.scaling.type": undefined,
    "attention.q_lora_rank": undefined,
  });
  assertEquals([yarn, latent?.queryRank], [undefined, 0]);
});

Deno.test("kvShapeOf: latents alone, or the keys and values of every head", () => {
  const absorbed = config(V3);
  const sizes = { layers: 61, type: "f16" } as const;
  assertEquals(kvShapeOf(absorbed, "f16"), { ...sizes, kvHeads: 1, keySize: 576, valueSize: 0 });
  if (!absorbed.latent) throw new TypeError("no latents");
  const naive = { ...absorbed, latent: { ...absorbed.latent, form: "naive" as const } };
  assertEquals(kvShapeOf(naive, "f16"), { ...sizes, kvHeads: 128, keySize: 192, valueSize: 128 });
});

const MOE: Values = {
  block_count: 48,
  embedding_length: 2048,
  feed_forward_length: 6144,
  context_length: 40_960,
  "attention.head_count": 32,
  "attention.head_count_kv": 4,
  "attention.key_length": 128,
  "attention.value_length": 128,
  "attention.layer_norm_rms_epsilon": 1e-6,
  expert_count: 128,
  expert_used_count: 8,
};

Deno.test("qwen3moe and olmoe: what their files leave unsaid", () => {
  const qwen = config(MOE, "qwen3moe").mixture;
  assertEquals([qwen?.hidden, qwen?.normalize, qwen?.scoring], [768, true, "softmax"]);
  const told = config({ ...MOE, expert_feed_forward_length: 512 }, "qwen3moe").mixture;
  assertEquals(told?.hidden, 512);
  const olmoe = config({ ...MOE, feed_forward_length: 1024 }, "olmoe").mixture;
  assertEquals([olmoe?.hidden, olmoe?.normalize, olmoe?.shared], [1024, false, 0]);
  assertThrows(
    () => config({ ...MOE, expert_count: undefined }, "qwen3moe"),
    ModelError,
    "The qwen3moe model cannot have 0 experts",
  );
});

const WRONG: readonly [Values, string][] = [
  [{ "attention.kv_lora_rank": 0 }, "latents of 0 and 64 rotary"],
  [{ "attention.kv_lora_rank": 520 }, "latents of 520 and 64 rotary (multiples of 4 up to 576"],
  [{ "attention.kv_lora_rank": 511 }, "latents of 511"],
  [{ "attention.q_lora_rank": 2 ** 25 }, `queries of rank ${2 ** 25}`],
  [{ "attention.key_length_mla": 64 }, "heads of 0 beside 64 rotary"],
  [{ "attention.value_length_mla": 0 }, "values of 0"],
  [{ "rope.dimension_count": 63 }, "63 rotary of 192"],
  [{ expert_used_count: 0 }, "0 of 256 experts a token"],
  [{ expert_used_count: 257 }, "257 of 256 experts a token"],
  [{ expert_feed_forward_length: 0 }, "experts of feed-forward size 0"],
  [{ expert_shared_count: 2 ** 24 }, `${2 ** 24} shared experts`],
  [{ expert_group_count: 7 }, "256 experts in 7 groups"],
  [{ expert_group_used_count: 9 }, "9 of 8 groups a token"],
  [{ expert_group_used_count: 0 }, "0 of 8 groups a token"],
  [{ expert_used_count: 200 }, "200 experts a token out of 4 groups of 32"],
  [{ expert_group_count: 256, expert_group_used_count: 256 }, "groups of 1 expert whose two"],
  [{ expert_weights_scale: -1 }, "routed weights scaled by -1"],
  [{ expert_weights_scale: Infinity }, "routed weights scaled by Infinity"],
  [{ leading_dense_block_count: 62 }, "62 dense of 61 layers"],
  [{ "rope.scaling.factor": 0.5 }, "RoPE scaling factor 0.5"],
  [{ "rope.scaling.factor": NaN }, "RoPE scaling factor NaN"],
  [{ "rope.scaling.original_context_length": 0 }, "a YaRN original context of 0"],
  [{ "rope.scaling.yarn_beta_fast": 0 }, "YaRN betas 0 and 1"],
  [{ "rope.scaling.yarn_log_multiplier": NaN }, "a YaRN log multiplier of NaN"],
];
Deno.test("deepseek2: sizes that cannot be are refused by name", () => {
  for (const [change, part] of WRONG) {
    const text = `The deepseek2 model cannot have ${part}`;
    assertThrows(() => config({ ...V3, ...change }), ModelError, text);
  }
});

Deno.test("deepseek2: what is missing or not known is named", () => {
  for (const key of ["attention.kv_lora_rank", "expert_used_count", "expert_group_used_count"]) {
    const error = `deepseek2.${key} is missing`;
    assertThrows(() => config({ ...V3, [key]: undefined }), ModelError, error);
  }
  for (
    const [gating, name] of [[3, "softmax of the chosen"], [4, "square root"], [9, "number 9"]]
  ) {
    assertThrows(
      () => config({ ...V3, expert_gating_func: gating }),
      UnsupportedError,
      `The gating function ${name}`,
    );
  }
  assertThrows(
    () => config({ ...V3, "rope.scaling.attn_factor": 2 }),
    UnsupportedError,
    "YaRN with an attention factor of 2 is not supported yet",
  );
});
