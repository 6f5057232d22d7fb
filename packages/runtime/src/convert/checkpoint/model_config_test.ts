/** Tests of model_config.ts: both spellings of RoPE, sliding windows, and what is refused. */
import { assertEquals, assertThrows } from "@std/assert";
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { readCheckpointConfig } from "./model_config.ts";

const BASE = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 64,
  intermediate_size: 160,
  num_attention_heads: 8,
  num_hidden_layers: 2,
  vocab_size: 384,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
};
const read = (change: Record<string, unknown>) =>
  readCheckpointConfig({ ...BASE, ...change }, "dir/config.json");

Deno.test("readCheckpointConfig: what a file leaves out", () => {
  const config = read({ head_dim: null, num_key_value_heads: null, rope_scaling: null });
  assertEquals([config.kvHeads, config.headSize, config.headSizeIsGiven], [8, 8, false]);
  assertEquals([config.ropeBase, config.ropeScaling, config.isTied], [
    10000,
    { type: "default" },
    false,
  ]);
});

Deno.test("readCheckpointConfig: RoPE as published and as transformers 5 writes it", () => {
  const llama3 = {
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  };
  const published = read({ rope_theta: 5e5, rope_scaling: { rope_type: "llama3", ...llama3 } });
  const five = read({ rope_parameters: { rope_type: "llama3", rope_theta: 5e5, ...llama3 } });
  assertEquals({ ...five, json: 0 }, { ...published, json: 0 });
  assertEquals(five.ropeScaling, {
    type: "llama3",
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalContextTokens: 64,
  });
  const linear = read({ rope_scaling: { type: "linear", factor: 2 } });
  assertEquals(linear.ropeScaling, { type: "linear", factor: 2 });
});

Deno.test("readCheckpointConfig: a sliding window that is used ends the context", () => {
  assertEquals(read({ sliding_window: 128, model_type: "mistral" }).contextTokens, 128);
  assertEquals(read({ sliding_window: null }).contextTokens, 512);
  const qwen = { model_type: "qwen2", sliding_window: 128 };
  assertEquals(read(qwen).contextTokens, 512);
  assertEquals(read({ ...qwen, use_sliding_window: false }).contextTokens, 512);
  assertEquals(read({ ...qwen, use_sliding_window: true }).contextTokens, 128);
});

Deno.test("readCheckpointConfig: refusals name the key and what was found", () => {
  const unsupported = (change: Record<string, unknown>, message: string) =>
    assertThrows(() => read(change), UnsupportedError, message);
  unsupported(
    { rope_scaling: { rope_type: "yarn", factor: 4 } },
    "RoPE scaling of type yarn is not",
  );
  unsupported({ rope_scaling: { type: "dynamic" } }, "type dynamic");
  unsupported({ rope_parameters: { full_attention: {} } }, "differs between layers");
  unsupported({ partial_rotary_factor: 0.5 }, "partial_rotary_factor");
  unsupported({ hidden_act: "gelu" }, "The activation gelu of LlamaForCausalLM");
  unsupported({ attention_bias: true }, "attention_bias of LlamaForCausalLM");
  unsupported({ quantization_config: { quant_method: "gptq" } }, "quantized already (gptq)");
  const malformed = (change: Record<string, unknown>, message: string) =>
    assertThrows(() => read(change), CheckpointError, message);
  malformed({ architectures: [] }, "dir/config.json names no class");
  malformed({ hidden_size: undefined }, "hidden_size must be a whole number >= 1, found nothing");
  malformed({ hidden_size: 1.5 }, "found 1.5");
  malformed({ num_hidden_layers: "2" }, 'found "2"');
  malformed({ rms_norm_eps: null }, "rms_norm_eps must be a number, found null");
  malformed({ rope_scaling: [] }, "rope_scaling must be an object or null");
  malformed({ rope_scaling: { type: "linear" } }, "factor must be a number");
});
