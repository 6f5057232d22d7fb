/** Numbers of adapters' matrices, or of their gradients, under peft's names and in its arrangement. */
import { type AdapterValues, peftAdapterFiles } from "../../packages/runtime/src/lora/mod.ts";
import type { ModelConfig } from "../../packages/runtime/src/model/config.ts";
import { writtenTensors } from "./peft_folder.ts";
import type { NamedNumbers } from "./training_steps.ts";

const NO_PEFT = { rank: 1, alpha: 1, targets: [], dropout: 0, rankPattern: {}, alphaPattern: {} };

/** `numbers` by names such as `blk.0.attn_q.weight.lora_a`; `values` tell the sizes. */
export function hfPairs(
  values: readonly AdapterValues[],
  numbers: NamedNumbers,
  model: ModelConfig,
): NamedNumbers {
  const need = (name: string): Float32Array => {
    const found = numbers.get(name);
    if (!found) throw new TypeError(`${name} is missing`);
    return found;
  };
  const plain = values.filter(({ experts }) => experts === undefined).map((one) => ({
    ...one,
    a: need(`${one.weight}.lora_a`),
    b: need(`${one.weight}.lora_b`),
  }));
  const files = peftAdapterFiles({ config: NO_PEFT, values: plain }, model);
  const pairs = new Map(writtenTensors(files.get("adapter_model.safetensors") as Uint8Array));
  for (const { weight, experts, rows, rank, b } of values) {
    const [, layer, part] = /^blk\.(\d+)\.ffn_(gate|down)_exps/.exec(weight) ?? [];
    if (!experts || part === undefined) continue;
    const module = `model.layers.${layer}.mlp.experts${part === "down" ? "" : ".base_layer"}`;
    const stacks = part === "down" ? [weight] : [weight, weight.replace("gate", "up")];
    const fused = new Float32Array(stacks.length * b.length);
    stacks.forEach((stack, half) => {
      const own = need(`${stack}.lora_b`);
      for (let expert = 0; expert < experts; expert++) {
        for (let row = 0; row < rows; row++) {
          for (let r = 0; r < rank; r++) {
            fused[((half * rows + row) * rank + r) * experts + expert] =
              own[(expert * rows + row) * rank + r];
          }
        }
      }
    });
    pairs.set(`${module}.lora_A.weight`, need(`${weight}.lora_a`));
    pairs.set(`${module}.lora_B.weight`, fused);
  }
  return pairs;
}
