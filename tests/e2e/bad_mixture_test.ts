/** Files of mixtures and latent attention whose parts do not fit: one line that names the part, exit 1. */
import { assert } from "@std/assert";
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
import { withKeys } from "../support/f32_model.ts";
import type { TestTensor } from "../support/gguf_bytes.ts";

const V3 = await modelSpec("models/deepseek_v3/gguf/model-F32.gguf");
const LEGACY = await modelSpec("models/deepseek_v2_lite/gguf/model-F32-legacy.gguf");
const MOE = await modelSpec("models/qwen3_moe/gguf/model-Q8_0.gguf");
const PROMPT = ["--ids", "1,2,3", "--max-tokens", "2"];

async function refused(spec: ModelSpec, part: string): Promise<void> {
  await withFolder(async (folder) => {
    const line = await assertFails(["run", writeModel(folder, spec), ...PROMPT], FAILED, part);
    assert(!/(?!\n)\p{Cc}/u.test(line), JSON.stringify(line));
  });
}

const keys = (values: Parameters<typeof withKeys>[1]) => withKeys(V3, values);
const without = (spec: ModelSpec, name: string) => withTensor(spec, name, () => undefined);
const reshaped = (name: string, dims: TestTensor["dims"]) =>
  withTensor(V3, name, (tensor) => ({ ...tensor, dims }));
/** The bytes of a value that is not a number, at the start of a tensor. */
const spoilt = (spec: ModelSpec, name: string) =>
  withTensor(spec, name, (tensor) => patched(tensor, 0, [0, 0, 0xc0, 0x7f]));
/** A finite value so large that products overflow. */
const huge = (spec: ModelSpec, name: string) =>
  withTensor(spec, name, (tensor) => ({
    ...tensor,
    data: new Uint8Array(new Float32Array((tensor.data?.length ?? 0) / 4).fill(3e38).buffer),
  }));

const BAD: readonly [string, ModelSpec, string][] = [
  [
    "more experts than the tensors hold",
    keys({ "deepseek2.expert_count": 16 }),
    "Tensor blk.1.ffn_gate_inp.weight has the shape [64,8], the metadata asks for [64,16]",
  ],
  [
    "a bank of too few experts",
    reshaped("blk.1.ffn_up_exps.weight", [64, 64, 4]),
    "Tensor blk.1.ffn_up_exps.weight has the shape [64,64,4], the metadata asks for [64,32,8]",
  ],
  [
    "more experts a token than there are",
    keys({ "deepseek2.expert_used_count": 9 }),
    "The deepseek2 model cannot have 9 of 8 experts a token",
  ],
  [
    "groups that do not divide",
    keys({ "deepseek2.expert_group_count": 3 }),
    "The deepseek2 model cannot have 8 experts in 3 groups",
  ],
  [
    "a sigmoid gate without its bias",
    without(V3, "blk.2.exp_probs_b.bias"),
    "Tensor blk.2.exp_probs_b.bias is missing, the model's sigmoid gate needs it",
  ],
  [
    "an unknown gate",
    keys({ "deepseek2.expert_gating_func": 4 }),
    "The gating function square root of softplus is not supported yet",
  ],
  [
    "a bias that is not finite",
    spoilt(V3, "blk.1.exp_probs_b.bias"),
    "Tensor blk.1.exp_probs_b.bias holds a value that is not finite",
  ],
  [
    "an expert that is not finite",
    spoilt(V3, "blk.1.ffn_down_exps.weight"),
    "Tensor blk.1.ffn_down_exps.weight holds a value that is not finite",
  ],
  ["scores that overflow", huge(V3, "blk.2.ffn_gate_inp.weight"), "layer 2"],
  [
    "a missing half of keys and values",
    without(V3, "blk.0.attn_v_b.weight"),
    "Tensor blk.0.attn_v_b.weight is missing",
  ],
  [
    "keys and values that are missing",
    without(LEGACY, "blk.0.attn_kv_b.weight"),
    "Tensor blk.0.attn_k_b.weight is missing",
  ],
  [
    "a joint matrix that is not finite",
    spoilt(LEGACY, "blk.1.attn_kv_b.weight"),
    "Tensor blk.1.attn_kv_b.weight holds a value that is not finite",
  ],
  [
    "a joint matrix of another shape",
    withTensor(LEGACY, "blk.1.attn_kv_b.weight", (tensor) => ({ ...tensor, dims: [64, 64] })),
    "Tensor blk.1.attn_kv_b.weight has the shape [64,64], the metadata asks for [32,128]",
  ],
  [
    "compressed queries without their key",
    withKey(V3, "deepseek2.attention.q_lora_rank"),
    "Tensor blk.0.attn_q.weight is missing",
  ],
  [
    "a latent that is too large",
    keys({ "deepseek2.attention.kv_lora_rank": 572 }),
    "The deepseek2 model cannot have latents of 572 and 8 rotary",
  ],
  [
    "no experts at all",
    withKey(MOE, "qwen3moe.expert_count"),
    "The qwen3moe model cannot have 0 experts",
  ],
];
for (const [what, spec, part] of BAD) {
  Deno.test(`bad mixture: ${what}`, () => refused(spec, part));
}
