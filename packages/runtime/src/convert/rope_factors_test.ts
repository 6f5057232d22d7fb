/** Tests of rope_factors.ts: llama.cpp's very values. */
import { assertEquals } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { tensorBytes } from "../../../../tests/support/memory_sink.ts";
import { openGguf } from "../gguf/mod.ts";
import { readCheckpointConfig } from "./checkpoint/model_config.ts";
import { ropeFactors } from "./rope_factors.ts";

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  head_dim: 16,
  hidden_size: 96,
  intermediate_size: 192,
  max_position_embeddings: 512,
  num_attention_heads: 6,
  num_hidden_layers: 3,
  num_key_value_heads: 3,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  vocab_size: 384,
};

Deno.test("ropeFactors: the bytes of llama.cpp's converter", async () => {
  const rope_scaling = {
    rope_type: "llama3",
    factor: 8,
    high_freq_factor: 4,
    low_freq_factor: 1,
    original_max_position_embeddings: 64,
  };
  const factors = ropeFactors(readCheckpointConfig({ ...CONFIG, rope_scaling }, "config.json"));
  const model = await openGguf(fixturePath("models/llama_tied_llama3rope/gguf/model-F16.gguf"));
  const stored = await tensorBytes(model, "rope_freqs.weight");
  assertEquals(new Uint8Array(factors?.buffer as ArrayBuffer), stored);
  await model.source.close();
});

Deno.test("ropeFactors: none without such scaling", () => {
  assertEquals(ropeFactors(readCheckpointConfig(CONFIG, "config.json")), undefined);
});
