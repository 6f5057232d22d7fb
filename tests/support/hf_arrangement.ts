/** The numbers of a model's tensors in the arrangement of Hugging Face's files, for comparing parameters and gradients. */
import { halved } from "../../packages/runtime/src/lora/head_rows.ts";
import { hfTensors } from "../../packages/runtime/src/lora/mod.ts";
import type { ModelConfig } from "../../packages/runtime/src/model/config.ts";

/** Numbers of a tensor by GGUF's name, undefined where there is none. */
export type Numbers = (name: string) => Float32Array | undefined;

/** By Hugging Face's names, of all tensors whose numbers are known. */
export function hfArrangement(
  config: ModelConfig,
  isTied: boolean,
  numbers: Numbers,
): Map<string, Float32Array> {
  const arranged = new Map<string, Float32Array>();
  for (const [name, { name: stored, shape, layout }] of hfTensors(config, isTied)) {
    const own = layout?.kind === "keysAndValues"
      ? jointRows(config, stored, layout.valuesName, numbers)
      : numbers(stored);
    if (!own) continue;
    const size = shape.reduce((product, n) => product * n, 1);
    arranged.set(
      name,
      layout?.kind === "interleaved"
        ? halved(own, layout.headSize, shape[1])
        : layout?.kind === "expert"
        ? own.slice(layout.index * size, (layout.index + 1) * size)
        : own,
    );
  }
  return arranged;
}

/** Of each head rows of keys, then rows of values `[H * (N + Dv), R]`, out of either form's matrices. */
function jointRows(
  { heads, latent }: ModelConfig,
  keysName: string,
  valuesName: string,
  numbers: Numbers,
): Float32Array | undefined {
  const joint = numbers(keysName.replace("attn_k_b", "attn_kv_b"));
  if (joint || !latent) return joint;
  const [keys, values] = [numbers(keysName), numbers(valuesName)];
  if (!keys || !values) return undefined;
  const { rank, nopeSize, valueSize } = latent;
  const rows = nopeSize + valueSize;
  const out = new Float32Array(heads * rows * rank);
  for (let head = 0; head < heads; head++) {
    for (let r = 0; r < rank; r++) {
      for (let n = 0; n < nopeSize; n++) {
        out[(head * rows + n) * rank + r] = keys[(head * rank + r) * nopeSize + n];
      }
      for (let v = 0; v < valueSize; v++) {
        out[(head * rows + nopeSize + v) * rank + r] = values[(head * valueSize + v) * rank + r];
      }
    }
  }
  return out;
}
