/** Writes the folder of a Hugging Face model as one GGUF file. Wires the parts; maps, reads and computes nothing itself. */
import { CheckpointError } from "../errors.ts";
import type { ByteSink } from "../gguf/mod.ts";
import { writeModel, type WriteModelOptions, type WriteModelReport } from "../quantize/mod.ts";
import { checkSizes, targetOf } from "./architecture.ts";
import type { ModelFolder } from "./checkpoint/folder.ts";
import { readJsonFile } from "./checkpoint/json_file.ts";
import { classNameOf, readCheckpointConfig } from "./checkpoint/model_config.ts";
import { openWeightFiles } from "./checkpoint/weight_files.ts";
import { mixtureMetadata } from "./mixture_metadata.ts";
import { withFoundLayers } from "./mixture_tensors.ts";
import { generalMetadata, sizeMetadata } from "./model_metadata.ts";
import { checkpointTensors, storedType } from "./tensor_stream.ts";
import { readTokenizerFiles } from "./vocabulary/tokenizer_files.ts";
import { tokenizerMetadata } from "./vocabulary/tokenizer_metadata.ts";

/** Options of `convertCheckpoint`. */
export interface ConvertOptions extends WriteModelOptions {
  /** Format of all matrices, as `writeModel` takes it. Default: the one that most of them have in the folder. */
  readonly type?: string;
}

/** What was written. */
export interface ConvertReport extends WriteModelReport {
  /** The format that was asked for, or found. */
  readonly type: string;
}

/**
 * Converts a folder of config.json, tokenizer.json and safetensors: Llama, Mistral, Qwen2, Qwen3, Qwen3-MoE, OLMoE,
 * DeepSeek-V2 and V3 with F32, F16 or BF16 weights, or FP8 ones with a scale for every 128 x 128. Names, order of rows and
 * metadata are those of llama.cpp's converter, but that DeepSeek's layers for further tokens are kept where the folder has
 * them. Holds a few rows at a time.
 *
 * @throws {CheckpointError} if a file is malformed or missing, or files do not fit together
 * @throws {UnsupportedError} if the model is of a kind that cannot be converted
 * @throws {SourceError} if a file cannot be read
 * @throws {ModelError} if a value is not finite or too large for the type
 *
 * @example
 * ```ts
 * import { convertCheckpoint, openFolder } from "@aha/runtime/convert";
 * const folder = await openFolder("tests/fixtures/models/qwen2/hf");
 * const { type, tensors } = await convertCheckpoint(folder, { write() {} });
 * console.log(type, tensors.length); // F32 26
 * ```
 */
export async function convertCheckpoint(
  folder: ModelFolder,
  sink: ByteSink,
  options: ConvertOptions = {},
): Promise<ConvertReport> {
  const { signal } = options;
  const where = `${folder.name}/config.json`;
  const json = await readJsonFile(folder, "config.json", signal);
  if (!json) {
    throw new CheckpointError(
      `${folder.name} has no config.json: the folder of a Hugging Face model is wanted`,
      where,
    );
  }
  const target = targetOf(classNameOf(json, where));
  const told = readCheckpointConfig(json, where, target.family);
  checkSizes(told, where);
  const weights = await openWeightFiles(folder, signal);
  try {
    const config = withFoundLayers(told, weights.tensors);
    const tensors = checkpointTensors(weights, target, config, folder.name);
    const type = options.type ?? storedType(weights);
    const generation = await readJsonFile(folder, "generation_config.json", signal);
    const files = await readTokenizerFiles(folder, signal);
    const metadata = [
      ...generalMetadata(target, folder.title, tensors, generation),
      ...sizeMetadata(target, config),
      ...mixtureMetadata(target, config),
      ...tokenizerMetadata(files, config.vocabulary, { model: json, generation }),
    ];
    return { type, ...await writeModel(sink, { metadata, tensors }, type, options) };
  } finally {
    await weights.close();
  }
}
