/** Well-formed files that hold no model of ours: kinds, sizes, tensors, values. One line that names the part, exit 1. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readdirSync } from "node:fs";
import { loadModel } from "../../packages/runtime/mod.ts";
import { runAha } from "../support/captured_io.ts";
import {
  type ModelSpec,
  modelSpec,
  patched,
  withFolder,
  withKey,
  withTensor,
  writeModel,
} from "../support/edited_model.ts";
import { assertFails, FAILED } from "../support/failing_command.ts";
import type { TestTensor, TypedValue } from "../support/gguf_bytes.ts";

const SPEC = await modelSpec("models/llama_untied/gguf/model-F32.gguf");
const K256 = await modelSpec("models/llama_k256/gguf/model-Q4_0.gguf");
const DOWN = "blk.0.ffn_down.weight";
const PROMPT = ["--ids", "1,2,3", "--max-tokens", "2"];

async function refused(spec: ModelSpec, parts: string | readonly string[]): Promise<void> {
  await withFolder(async (folder) => {
    const path = writeModel(folder, spec);
    const line = await assertFails(["run", path, ...PROMPT], FAILED, parts);
    // no control character of a file reaches the terminal
    assert(!/(?!\n)\p{Cc}/u.test(line), JSON.stringify(line));
    assertEquals(readdirSync(folder), ["model.gguf"]);
  });
}

const text = (value: string): TypedValue => ({ type: "string", value });
const whole = (value: number): TypedValue => ({ type: "uint32", value });
const float = (value: number): TypedValue => ({ type: "float32", value });
const key = (name: string, value?: TypedValue): ModelSpec => withKey(SPEC, name, value);
const tensor = (name: string, change: (tensor: TestTensor) => TestTensor | undefined): ModelSpec =>
  withTensor(SPEC, name, change);

const KINDS: readonly [string, ModelSpec, string][] = [
  ["an unknown architecture", key("general.architecture", text("gpt9")), "architecture gpt9 is"],
  ["no architecture", key("general.architecture"), "general.architecture is missing"],
  ["an unknown tokenizer", key("tokenizer.ggml.model", text("spm")), `tokenizer kind "spm"`],
  ["an unknown pre-tokenizer", key("tokenizer.ggml.pre", text("zzz")), `"zzz" is not supported`],
  ["no tokens", key("tokenizer.ggml.tokens"), "has no tokenizer"],
  ["no tokenizer kind", key("tokenizer.ggml.model"), "has no tokenizer"],
  [
    "token types that are too few",
    key("tokenizer.ggml.token_type", {
      type: "array",
      of: "int32",
      items: [1, 1],
    }),
    "384 tokens but 2 types",
  ],
  ["an end token outside", key("tokenizer.ggml.eos_token_id", whole(384)), "EOS token id 384"],
  ["RoPE scaling that is not built", key("llama.rope.scaling.type", text("su")), "type su is"],
];
for (const [what, spec, part] of KINDS) {
  Deno.test(`bad model: ${what}`, () => refused(spec, part));
}

Deno.test("bad model: names from the file are harmless and short", async () => {
  await refused(key("general.architecture", text("\u001b[31mred\r\nsecond")), "\\u001b[31mred");
  await refused(key("general.architecture", text("x".repeat(100_000))), "…");
  const extra = { name: "\u001b[2J\u202e", dims: [4] };
  await refused({ ...SPEC, tensors: [...SPEC.tensors, extra] }, "\\u001b[2J\\u202e is not known");
});

const SIZES: readonly [string, TypedValue | undefined, string][] = [
  ["block_count", whole(0), "0 layers"],
  ["block_count", whole(4_000_000_000), "4000000000 layers"],
  ["block_count", undefined, "llama.block_count is missing"],
  ["block_count", text("two"), `must be a whole number >= 0, found string "two"`],
  ["block_count", whole(3), "Tensor blk.2.attn_norm.weight is missing"],
  ["block_count", whole(1), "Tensor blk.1.attn_norm.weight is not known"],
  ["embedding_length", whole(128), "shape [64,384], the metadata asks for [128,384]"],
  ["feed_forward_length", whole(0), "feed-forward size 0"],
  ["attention.head_count", whole(0), "0 heads"],
  ["attention.head_count", whole(7), "7 heads over 2 KV heads"],
  ["attention.head_count_kv", whole(0), "8 heads over 0 KV heads"],
  ["attention.key_length", whole(6), "head size 6"],
  ["attention.key_length", whole(4_294_967_292), "head size 4294967292"],
  ["rope.dimension_count", whole(10), "10 rotary of 8"],
  ["rope.freq_base", float(-1), "RoPE base -1"],
  ["rope.freq_base", float(Infinity), "RoPE base Infinity"],
  ["rope.dimension_count", whole(0), "0 rotary of 8"],
  ["attention.value_length", whole(4), "keys of 8 and values of 4"],
  ["context_length", whole(0), "context 0"],
  ["attention.layer_norm_rms_epsilon", float(NaN), "norm epsilon NaN"],
];
Deno.test("bad model: RoPE that is stretched without end", async () => {
  const linear = key("llama.rope.scaling.type", text("linear"));
  for (const factor of [0, NaN, Infinity]) {
    const spec = withKey(linear, "llama.rope.scaling.factor", float(factor));
    await refused(spec, `RoPE scaling factor ${factor}`);
  }
});

Deno.test("bad model: recommended sampling that cannot be", async () => {
  const table: readonly [string, TypedValue, string][] = [
    ["temp", text("hot"), `must be a number, found string "hot"`],
    ["temp", float(NaN), "is NaN, a number from 0 to 100 is wanted"],
    ["temp", float(-1), "is -1, a number from 0 to 100 is wanted"],
    ["top_p", float(2), "is 2, a number from 0 to 1 is wanted"],
    ["top_k", float(Infinity), "is Infinity, a number from 0 to 2147483647 is wanted"],
    ["min_p", float(-1), "is -1, a number from 0 to 1 is wanted"],
  ];
  for (const [name, value, part] of table) {
    const full = `general.sampling.${name}`;
    await refused(key(full, value), `Metadata key ${full} ${part}`);
  }
});

Deno.test("bad model: sizes that cannot be are named", async () => {
  for (const [name, value, part] of SIZES) await refused(key(`llama.${name}`, value), part);
});

const TENSORS: readonly [string, ModelSpec, readonly string[]][] = [
  ["a missing tensor", tensor(DOWN, () => undefined), [`Tensor ${DOWN} is missing from `]],
  ["a missing embedding", tensor("token_embd.weight", () => undefined), [
    "Tensor token_embd.weight is missing",
  ]],
  ["an embedding of one dimension", tensor("token_embd.weight", (t) => ({ ...t, dims: [24576] })), [
    "token_embd.weight has the shape [24576], a matrix is wanted",
  ]],
  ["a tensor of the wrong shape", tensor(DOWN, (t) => ({ ...t, dims: [64, 160] })), [
    `Tensor ${DOWN} has the shape [64,160], the metadata asks for [160,64]`,
  ]],
  ["a tensor of too many dimensions", tensor(DOWN, (t) => ({ ...t, dims: [160, 32, 2] })), [
    `Tensor ${DOWN} has the shape [160,32,2], the metadata asks for [160,64]`,
  ]],
  ["a tensor too many", {
    ...SPEC,
    tensors: [...SPEC.tensors, { name: "blk.0.attn_q.bias", dims: [64] }],
  }, ["Tensor blk.0.attn_q.bias is not known to this architecture (1 such"]],
  ["a format without kernels", tensor(DOWN, (t) => ({ ...t, type: "I32" })), [
    `Tensor ${DOWN} is stored as I32, which is not supported yet`,
  ]],
  [
    "a quantized format without kernels",
    withTensor(K256, DOWN, ({ name, dims }) => ({
      name,
      dims,
      type: "MXFP4",
    })),
    ["is stored as MXFP4, which is not supported yet (supported: F32 F16 BF16 Q4_0"],
  ],
  [
    "a norm that is not F32",
    tensor("output_norm.weight", ({ name, dims }) => ({
      name,
      dims,
      type: "F16",
    })),
    ["Tensor output_norm.weight is stored as F16, only F32 vectors"],
  ],
  [
    "more tokens than rows",
    SPEC.tensors.filter(({ dims }) => dims[1] === 384).reduce(
      (spec, { name }) =>
        withTensor(spec, name, (t) => ({
          ...t,
          dims: [64, 300],
          data: t.data?.subarray(0, 64 * 300 * 4),
        })),
      SPEC,
    ),
    ["tokenizer has 384 tokens, the model's embedding only 300"],
  ],
];
for (const [what, spec, parts] of TENSORS) {
  Deno.test(`bad model: ${what}`, () => refused(spec, parts));
}

/** A number of a block of each format made infinite or NaN: model file, byte of the tensor, bytes. */
const NON_FINITE: readonly [string, number, readonly number[]][] = [
  ["llama_untied/gguf/model-F32", 400, [0, 0, 0xc0, 0x7f]],
  ["llama_untied/gguf/model-F16", 100, [0, 0x7c]],
  ["llama_k256/gguf/model-BF16", 100, [0x80, 0xff]],
  ["llama_untied/gguf/model-Q8_0", 34, [0, 0x7c]],
  ["llama_k256/gguf/model-Q4_0", 18, [1, 0x7e]],
  ["llama_k256/gguf/model-Q4_1", 20, [0, 0xfc]],
  ["llama_k256/gguf/model-Q4_1", 22, [1, 0xfe]],
  ["llama_k256/gguf/model-Q6_K", 208, [0, 0x7c]],
];
Deno.test("bad model: weights that are not finite, in every format", async () => {
  for (const [file, at, bytes] of NON_FINITE) {
    const spec = await modelSpec(`models/${file}.gguf`);
    const damaged = withTensor(spec, DOWN, (tensor) => patched(tensor, at, bytes));
    await refused(damaged, `Tensor ${DOWN} holds a value that is not finite`);
  }
  const norm = tensor("output_norm.weight", (t) => patched(t, 4, [0, 0, 0x80, 0x7f]));
  await refused(norm, "Tensor output_norm.weight holds a value that is not finite");
});

Deno.test("bad model: finite weights whose logits overflow end in an error, never in null", async () => {
  const large = [0xff, 0xff, 0x7f, 0x7f];
  const data = Uint8Array.from({ length: 256 }, (_, i) => large[i % 4]);
  const spec = tensor("output_norm.weight", (t) => ({ ...t, data }));
  await refused(spec, "computed a logit that is not finite for position 3");
  await withFolder(async (folder) => {
    const path = writeModel(folder, spec);
    await using model = await loadModel(path);
    const error = await model.score([1, 2, 3]).then(() => undefined, (error) => error);
    assertStringIncludes(String(error), "not finite for position 1");
  });
});

Deno.test("bad model: rows beyond the tokenizer's are padding and stand for no text", async () => {
  const pad = (spec: ModelSpec, name: string, fill: number) =>
    withTensor(spec, name, (t) => {
      const data = new Float32Array(64 * 400).fill(fill, 64 * 384);
      data.set(new Float32Array((t.data as Uint8Array).slice().buffer));
      return { ...t, dims: [64, 400], data: new Uint8Array(data.buffer) };
    });
  const norm = withTensor(SPEC, "output_norm.weight", (t) => ({
    ...t,
    data: new Uint8Array(new Float32Array(64).fill(-1e-9).buffer),
  }));
  // All logits of real tokens are nearly 0, so the best of the rows of ones, up or down, wins about half the time.
  const spec = pad(pad(norm, "token_embd.weight", 0), "output.weight", 1e9);
  await withFolder(async (folder) => {
    const path = writeModel(folder, spec);
    const words = ["--max-tokens", "8", "--temperature", "0", "--json"];
    const padded: number[] = [];
    for (const id of ["1", "2", "3", "4", "5", "6"]) {
      const { code, out } = await runAha(["run", path, "--ids", id, ...words]);
      assertEquals(code, 0);
      const { ids, text } = JSON.parse(out);
      if (ids.every((id: number) => id >= 384)) assertEquals(text, "");
      padded.push(...ids.filter((id: number) => id >= 384));
    }
    assert(padded.length > 0);
  });
});
