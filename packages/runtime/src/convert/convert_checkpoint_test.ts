/** Tests of convert_checkpoint.ts: progress, aborts, tensors without a place, recommended sampling, names. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { safetensorsBytes } from "../../../../tests/support/safetensors_bytes.ts";
import { memorySink, writtenModel } from "../../../../tests/support/memory_sink.ts";
import { CheckpointError } from "../errors.ts";
import { blobFolder, convertCheckpoint, type ModelFolder } from "./mod.ts";
import { sizeLabel } from "./model_metadata.ts";

const HF = fixturePath("models/qwen2/hf");

/** The fixture's folder with further or other files. */
function folder(change: Readonly<Record<string, unknown>> = {}): ModelFolder {
  const files = new Map(
    readdirSync(HF).map((file) => [file, new Blob([readFileSync(join(HF, file))])]),
  );
  for (const [file, value] of Object.entries(change)) {
    const isWhole = typeof value === "string" || value instanceof Uint8Array;
    files.set(file, new Blob([isWhole ? value as string : JSON.stringify(value)]));
  }
  return blobFolder("some/My-Model", files);
}

const config = JSON.parse(readFileSync(join(HF, "config.json"), "utf8"));

Deno.test("convertCheckpoint: progress ends at the size that is told", async () => {
  const seen: [number, number][] = [];
  const sink = memorySink();
  const { sizeBytes, type } = await convertCheckpoint(folder(), sink, {
    onProgress: (done, total) => seen.push([done, total]),
  });
  assertEquals([type, sink.blob().size], ["F32", sizeBytes]);
  assertEquals(seen.at(-1), [sizeBytes, sizeBytes]);
  assert(seen.length > 26 && seen.every(([done], i) => i === 0 || done > seen[i - 1][0]));
});

Deno.test("convertCheckpoint: an abort ends it, before it starts or between tensors", async () => {
  const reason = new DOMException("enough", "AbortError");
  const early = { signal: AbortSignal.abort(reason) };
  await assertRejects(
    () => convertCheckpoint(folder(), memorySink(), early),
    DOMException,
    "enough",
  );
  const controller = new AbortController();
  let written = 0;
  const onProgress = (done: number) => {
    written = done;
    if (done > 100_000) controller.abort(reason);
  };
  const late = { signal: controller.signal, onProgress };
  await assertRejects(
    () => convertCheckpoint(folder(), memorySink(), late),
    DOMException,
    "enough",
  );
  assert(written < 300_000, `${written} bytes were written`);
});

Deno.test("convertCheckpoint: what generation_config.json recommends, and the folder's name", async () => {
  const generation = {
    temperature: 0.6,
    top_k: 20,
    top_p: 0.95,
    min_p: null,
    repetition_penalty: 1.05,
  };
  const source = folder({
    "generation_config.json": { ...generation, eos_token_id: [383, 381] },
    "chat_template.jinja": "{{ 1 }}",
  });
  const { gguf: { metadata } } = await writtenModel((sink) => convertCheckpoint(source, sink));
  const sampling = [...metadata.entries()].filter(([key]) => key.startsWith("general.sampling."))
    .map(([key, { type, value }]) => [key.slice(17), type, value]);
  assertEquals(sampling, [
    ["top_k", "int32", 20],
    ["top_p", "float32", Math.fround(0.95)],
    ["temp", "float32", Math.fround(0.6)],
    ["penalty_repeat", "float32", Math.fround(1.05)],
  ]);
  assertEquals(metadata.string("general.name"), "My-Model");
  assertEquals(metadata.string("tokenizer.chat_template"), "{{ 1 }}");
  assertEquals(metadata.count("tokenizer.ggml.eot_token_id"), 381);
});

Deno.test("convertCheckpoint: Mistral's class and linear scaling are Llama's keys", async () => {
  const llama = fixturePath("models/llama_untied/hf");
  const files = new Map(
    readdirSync(llama).map((file) => [file, new Blob([readFileSync(join(llama, file))])]),
  );
  const json = JSON.parse(readFileSync(join(llama, "config.json"), "utf8"));
  const mistral = {
    ...json,
    architectures: ["MistralForCausalLM"],
    model_type: "mistral",
    sliding_window: 96,
    rope_scaling: { type: "linear", factor: 4 },
  };
  files.set("config.json", new Blob([JSON.stringify(mistral)]));
  const { gguf: { metadata } } = await writtenModel((sink) =>
    convertCheckpoint(blobFolder("m", files), sink)
  );
  assertEquals(metadata.string("general.architecture"), "llama");
  assertEquals(metadata.count("llama.context_length"), 96);
  assertEquals(metadata.string("llama.rope.scaling.type"), "linear");
  assertEquals(metadata.number("llama.rope.scaling.factor"), 4);
});

/** The fixture's weights with one more tensor of a float at their end. */
function weightsWith(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(readFileSync(join(HF, "model.safetensors")));
  const end = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
  const size = bytes.length - end;
  header[name] = { dtype: "F32", shape: [1], data_offsets: [size, size + 4] };
  const data = new Uint8Array(size + 4);
  data.set(bytes.subarray(end));
  return safetensorsBytes(header, data);
}

Deno.test("convertCheckpoint: a tensor without a place is an error, but for buffers and a tied head", async () => {
  const converted = async (name: string) => {
    const source = folder({ "model.safetensors": weightsWith(name) });
    return await writtenModel((sink) => convertCheckpoint(source, sink));
  };
  for (const name of ["lm_head.weight", "model.layers.1.self_attn.rotary_emb.inv_freq"]) {
    assertEquals((await converted(name)).gguf.tensors.size, 26, name);
  }
  await assertRejects(
    () => converted("model.layers.0.self_attn.q_norm.weight"),
    CheckpointError,
    "Tensor model.layers.0.self_attn.q_norm.weight of some/My-Model/model.safetensors has no place",
  );
});

Deno.test("convertCheckpoint: sizes that do not fit together are refused", async () => {
  const refused = (change: Record<string, unknown>, message: string) =>
    assertRejects(
      () => convertCheckpoint(folder({ "config.json": { ...config, ...change } }), memorySink()),
      CheckpointError,
      message,
    );
  await refused({ num_key_value_heads: 3 }, "cannot have 4 heads over 3 KV heads");
  await refused({ rms_norm_eps: 0 }, "cannot have a norm epsilon of 0");
  await refused({ rope_theta: -5 }, "cannot have a RoPE base of -5");
  await refused({ num_attention_heads: 3, num_key_value_heads: 3 }, "width 64 over 3 heads");
  await refused({ head_dim: 15 }, "heads of 15");
  await refused({ num_hidden_layers: 3 }, "has no tensor model.layers.2.input_layernorm.weight");
  await refused(
    { intermediate_size: 64 },
    "down_proj.weight of some/My-Model/model.safetensors is [64,128]",
  );
});

Deno.test("sizeLabel: two digits at least, as llama.cpp's labels", () => {
  const cases: [number, string][] = [
    [98_880, "99K"],
    [494_032_768, "494M"],
    [1_543_714_304, "1.5B"],
    [7_615_616_512, "7.6B"],
    [671e9, "671B"],
    [400, "0.40K"],
  ];
  for (const [weights, label] of cases) assertEquals(sizeLabel(weights), label);
});
