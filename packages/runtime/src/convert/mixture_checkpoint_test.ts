/** Tests of convert_checkpoint.ts on mixtures: experts that do not fit, layers for further tokens, groups, FP8 and its faults. */
import { assertEquals, assertRejects } from "@std/assert";
import { CheckpointFiles, type FileTensor } from "../../../../tests/support/checkpoint_files.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { becomeFp8, unpackFp8 } from "../../../../tests/support/fp8_checkpoint.ts";
import { memorySink, tensorBytes, writtenModel } from "../../../../tests/support/memory_sink.ts";
import { assertSameBytes } from "../../../../tests/support/same_bytes.ts";
import { CheckpointError, UnsupportedError } from "../errors.ts";
import type { OpenGguf } from "../gguf/mod.ts";
import { convertCheckpoint } from "./mod.ts";

/** DeepSeek-V3's architecture: a dense layer and one of 8 experts. */
const files = () => CheckpointFiles.read(fixturePath("models/deepseek_v3_noqlora/hf"));
const EXPERTS = "model.layers.1.mlp.experts";

function converted(source: CheckpointFiles, type?: string): Promise<OpenGguf> {
  return writtenModel((sink) => convertCheckpoint(source.folder(), sink, { type }));
}

async function refused(
  change: (source: CheckpointFiles) => void,
  message: string,
  kind: new (...args: never[]) => Error = CheckpointError,
): Promise<void> {
  const source = files();
  change(source);
  await assertRejects(() => convertCheckpoint(source.folder(), memorySink()), kind, message);
}

async function assertSameTensors(own: OpenGguf, other: OpenGguf): Promise<void> {
  assertEquals([...own.gguf.tensors.keys()].sort(), [...other.gguf.tensors.keys()].sort());
  for (const name of own.gguf.tensors.keys()) {
    assertSameBytes(await tensorBytes(own, name), await tensorBytes(other, name), name);
  }
}

Deno.test("convertCheckpoint: experts that are missing, too many or of another shape are refused by name", async () => {
  await refused(
    ({ tensors }) => tensors.delete(`${EXPERTS}.5.up_proj.weight`),
    `some/model has no tensor ${EXPERTS}.5.up_proj.weight, which the model must have`,
  );
  await refused(
    ({ config }) => config.n_routed_experts = 9,
    "tensor model.layers.1.mlp.experts.8.gate_proj.weight",
  );
  await refused(
    ({ config, tensors }) => {
      config.n_routed_experts = 7;
      const router = tensors.get("model.layers.1.mlp.gate.weight") as FileTensor;
      const data = router.data.slice(0, 4 * 7 * 64);
      tensors.set("model.layers.1.mlp.gate.weight", { ...router, shape: [7, 64], data });
      const bias = tensors.get("model.layers.1.mlp.gate.e_score_correction_bias") as FileTensor;
      const short = { ...bias, shape: [7], data: bias.data.slice(0, 28) };
      tensors.set("model.layers.1.mlp.gate.e_score_correction_bias", short);
    },
    `Tensor ${EXPERTS}.7.down_proj.weight of some/model/model.safetensors has no place`,
  );
  await refused(({ config }) => config.moe_intermediate_size = 16, "config.json asks for [64,16]");
  await refused(({ config }) => config.n_shared_experts = 1, "shared_experts.down_proj.weight");
  await refused(({ config }) => config.n_shared_experts = 0, "has no place in a deepseek2 model");
  await refused(({ config }) => config.first_k_dense_replace = 2, "model.layers.1.mlp.gate_proj");
  await refused(({ config }) => config.v_head_dim = 16, "config.json asks for");
});

/** Makes the last layer one that guesses a further token. */
function withNextToken(source: CheckpointFiles, ...optional: string[]): void {
  const [width, vocabulary] = [64, 384];
  source.config.num_hidden_layers = 1;
  source.config.num_nextn_predict_layers = 1;
  const add = (name: string, ...shape: number[]) => {
    const count = shape.reduce((product, size) => product * size);
    const values = Float32Array.from({ length: count }, (_, i) => i / 1024);
    source.setFloats(`model.layers.1.${name}.weight`, shape, values);
  };
  add("eh_proj", width, 2 * width);
  for (const name of ["enorm", "hnorm"]) add(name, width);
  for (const name of optional) {
    add(name, ...name.endsWith("norm") ? [width] : [vocabulary, width]);
  }
}

Deno.test("convertCheckpoint: layers that guess further tokens keep their tensors under llama.cpp's names", async () => {
  const optional = ["embed_tokens", "shared_head.norm", "shared_head.head"];
  const plain = await converted(files(), "F32");
  for (const names of [[], optional]) {
    const source = files();
    withNextToken(source, ...names);
    const own = await converted(source, "F32");
    const added = [...own.gguf.tensors.keys()].filter((name) => !plain.gguf.tensors.has(name));
    const wanted = ["eh_proj", "enorm", "hnorm", ...names.map((name) => name.replace(".", "_"))];
    assertEquals(added.sort(), wanted.map((name) => `blk.1.nextn.${name}.weight`).sort());
    assertEquals(own.gguf.tensors.get("blk.1.nextn.eh_proj.weight")?.dims, [128, 64]);
    assertEquals(own.gguf.metadata.count("deepseek2.block_count"), 2);
    assertEquals(own.gguf.metadata.count("deepseek2.nextn_predict_layers"), 1);
    const name = "blk.1.ffn_up_exps.weight";
    assertSameBytes(await tensorBytes(own, name), await tensorBytes(plain, name), name);
  }
});

Deno.test("convertCheckpoint: layers for further tokens are whole or left out", async () => {
  const source = files();
  source.config.num_nextn_predict_layers = 1;
  const own = await converted(source, "F32");
  assertEquals(own.gguf.metadata.count("deepseek2.block_count"), 2);
  assertEquals(own.gguf.metadata.has("deepseek2.nextn_predict_layers"), false);
  await refused((source) => {
    withNextToken(source);
    source.tensors.delete("model.layers.1.enorm.weight");
  }, "has no tensor model.layers.1.enorm.weight");
  await refused((source) => {
    withNextToken(source);
    source.config.num_nextn_predict_layers = 0;
  }, "model.layers.1.eh_proj.weight of some/model/model.safetensors has no place");
});

Deno.test("convertCheckpoint: groups of experts that V2 chooses from are told, those that it does not are not", async () => {
  const source = CheckpointFiles.read(fixturePath("models/deepseek_v2_group/hf"));
  const routing = async () => {
    const { gguf: { metadata } } = await converted(source, "F32");
    return ["group_count", "group_used_count", "gating_func"].map((key) =>
      metadata.count(`deepseek2.expert_${key}`)
    );
  };
  assertEquals(await routing(), [4, 2, 1]);
  source.config.topk_method = "greedy";
  assertEquals(await routing(), [1, 1, 1]);
});

Deno.test("convertCheckpoint: a router in BF16 becomes F32, whatever the others become", async () => {
  const source = files();
  const name = "model.layers.1.mlp.gate.weight";
  const { shape, data } = source.tensors.get(name) as FileTensor;
  const bits = new Uint32Array(data.buffer);
  const upper = Uint16Array.from(bits, (value) => value >>> 16);
  source.tensors.set(name, { dtype: "BF16", shape, data: new Uint8Array(upper.buffer) });
  const own = await converted(source, "Q8_0");
  assertEquals(own.gguf.tensors.get("blk.1.ffn_gate_inp.weight")?.type.name, "F32");
  const values = new Uint32Array((await tensorBytes(own, "blk.1.ffn_gate_inp.weight")).buffer);
  assertEquals(values, bits.map((value) => value & 0xffff0000));
});

Deno.test("convertCheckpoint: FP8 weights are each value times its block's scale", async () => {
  const [packed, plain] = [files(), files()];
  for (const source of [packed, plain]) becomeFp8(source);
  unpackFp8(plain);
  await assertSameTensors(await converted(packed, "F32"), await converted(plain, "F32"));
  await assertSameTensors(await converted(packed, "Q8_0"), await converted(plain, "Q8_0"));
  const { type } = await convertCheckpoint(packed.folder(), memorySink());
  assertEquals(type, "BF16");
});

Deno.test("convertCheckpoint: FP8 without scales, with others, or with no number is refused by name", async () => {
  const name = `${EXPERTS}.3.up_proj.weight`;
  const fp8 = (change: (tensors: Map<string, FileTensor>) => void) => (source: CheckpointFiles) => {
    becomeFp8(source);
    change(source.tensors);
  };
  const scale = `${name}_scale_inv`;
  await refused(
    fp8((tensors) => tensors.delete(scale)),
    `Tensor ${name} of some/model/model.safetensors is F8_E4M3 without its ${scale}`,
  );
  const zeros = (dtype: string, shape: number[], bytes: number) => ({
    dtype,
    shape,
    data: new Uint8Array(bytes),
  });
  await refused(
    fp8((tensors) => tensors.set(scale, zeros("F32", [1, 2], 8))),
    `is F32 [1,2], the blocks of ${name} [32,64] ask for F32 [1,1]`,
  );
  await refused(fp8((tensors) => tensors.set(scale, zeros("F32", [], 4))), "is F32 [], the blocks");
  await refused(fp8((tensors) => tensors.set(scale, zeros("F8_E4M3", [1, 1], 1))), "is F8_E4M3");
  await refused(
    fp8((tensors) => (tensors.get(name) as FileTensor).data[64 * 7 + 5] = 0xff),
    `Tensor ${name} of some/model/model.safetensors holds a value that is no number (row 7, column 5)`,
  );
  await refused(
    (source) => source.setFloats(scale, [1, 1], new Float32Array(1)),
    `Tensor ${scale} of some/model/model.safetensors has no place`,
  );
  await refused(
    (source) =>
      source.config.quantization_config = { quant_method: "fp8", weight_block_size: [64, 64] },
    "quantized already (fp8)",
    UnsupportedError,
  );
});
