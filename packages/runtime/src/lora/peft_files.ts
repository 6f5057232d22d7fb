/** Adapters in the files of Hugging Face's peft, for a model that came from GGUF: read, checked against it, and written. */
import type { ModelFolder } from "../convert/checkpoint/folder.ts";
import { readJsonFile } from "../convert/checkpoint/json_file.ts";
import { ModelError, SourceError, UnsupportedError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { AdapterValues } from "./adapter.ts";
import { expertModules, stackedAdapters } from "./expert_modules.ts";
import { expertAdapters } from "./expert_pairs.ts";
import { halved, interleaved } from "./head_rows.ts";
import {
  expectSizes,
  type PeftConfig,
  peftConfigJson,
  readPeftConfig,
  scaleOf,
} from "./peft_config.ts";
import { type ModulePair, pairBytes, readPairs } from "./peft_weights.ts";
import { adapterTargets, expectTarget, type Target } from "./targets.ts";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

/** An adapter of a model. */
export interface PeftAdapter {
  readonly config: PeftConfig;
  readonly values: readonly AdapterValues[];
}

/**
 * Reads a folder's adapter. The rows of Llama's q and k come in GGUF's order.
 * @throws {ModelError} if it is for another model, naming the first module that does not fit
 * @throws {CheckpointError} if a file is malformed
 * @throws {UnsupportedError} if it is no plain LoRA, or the model's form of attention cannot take it
 * @throws {SourceError} if a file is missing
 *
 * @example
 * ```ts
 * import { planModel } from "@aha/runtime";
 * import { openFolder } from "@aha/runtime/convert";
 * import { openGguf } from "@aha/runtime/gguf";
 * import { readPeftAdapter } from "@aha/runtime/lora";
 * const { gguf, source } = await openGguf("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
 * const folder = await openFolder("tests/fixtures/train/llama_untied/lora_1_peft");
 * const { values } = await readPeftAdapter(folder, planModel(gguf).config);
 * await source.close();
 * console.log(values.length); // 4
 * ```
 */
export async function readPeftAdapter(
  folder: ModelFolder,
  model: ModelConfig,
): Promise<PeftAdapter> {
  const json = await readJsonFile(folder, CONFIG);
  if (!json) throw missing(folder, CONFIG);
  const config = readPeftConfig(json, `${folder.name}/${CONFIG}`);
  const source = await folder.open(WEIGHTS);
  if (!source) throw missing(folder, WEIGHTS);
  try {
    const targets = new Map(adapterTargets(model).map((target) => [target.module, target]));
    const fits = (pair: ModulePair, module = pair.module) =>
      expectTarget(targets, { ...pair, module }, model, folder.name);
    const { ofExperts, others } = expertModules(await readPairs(source));
    const values = others.flatMap((pair) =>
      expertAdapters(pair, config, model) ?? adapterOf(pair, config, fits(pair))
    );
    return { config, values: [...values, ...stackedAdapters(ofExperts, config, fits)] };
  } finally {
    await source.close();
  }
}

function missing({ name }: ModelFolder, file: string): SourceError {
  return new SourceError(`${name} has no adapter: ${file} is missing`, name);
}

function adapterOf({ module, a, b }: ModulePair, peft: PeftConfig, target: Target): AdapterValues {
  const sizes = expectSizes(peft, module, a.rows);
  const { weight, rows, cols, interleavedHeads } = target;
  return {
    weight,
    rows,
    cols,
    rank: a.rows,
    scale: scaleOf(sizes),
    a: a.values,
    b: interleavedHeads ? interleaved(b.values, interleavedHeads, a.rows) : b.values,
  };
}

/**
 * The files of an adapter by name, as peft and transformers load them.
 * @throws {UnsupportedError} for adapters of routed experts, which cannot be written yet
 * @throws {ModelError} if the model has no matrix for one of them
 */
export function peftAdapterFiles(
  { config, values }: PeftAdapter,
  model: ModelConfig,
): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const targets = new Map(adapterTargets(model).map((target) => [target.weight, target]));
  const pairs = values.map(({ weight, rows, cols, rank, experts, a, b }): ModulePair => {
    if (experts !== undefined) {
      throw new UnsupportedError(`The adapter of ${weight} cannot be written yet`, weight);
    }
    const target = targets.get(weight);
    if (!target) throw new ModelError(`The ${model.architecture} model has no matrix ${weight}`);
    const { module, interleavedHeads: size } = target;
    return {
      module,
      a: { rows: rank, cols, values: a },
      b: { rows, cols: rank, values: size ? halved(b, size, rank) : b },
    };
  });
  return new Map([
    [CONFIG, new TextEncoder().encode(peftConfigJson(config))],
    [WEIGHTS, pairBytes(pairs)],
  ]);
}
