/** Reads an adapter from wherever it is, in llama.cpp's or in peft's files. Loads nothing onto a backend. */
import { blobFolder, type ModelFolder, openFolder } from "../../convert/checkpoint/folder.ts";
import { SourceError } from "../../errors.ts";
import { openSource } from "../../gguf/mod.ts";
import { builtin, isNodeLike } from "../../host.ts";
import type { ModelConfig } from "../../model/config.ts";
import { resolveModel } from "../../weights/resolve_model.ts";
import type { AdapterValues } from "../adapter.ts";
import { readGgufAdapter } from "../gguf_adapter.ts";
import { readPeftAdapter } from "../peft_files.ts";
import { type AdapterPlace, placeText } from "./lora_source.ts";

/**
 * The numbers of an adapter for a model of these sizes: of a GGUF LoRA file, or of peft's folder.
 * @throws {SourceError} if it cannot be read, or the folder holds no adapter
 * @throws {ModelError} if it is for another model, naming the first matrix that does not fit, or a number is not finite
 * @throws {GgufError | CheckpointError} if a file is malformed
 * @throws {UnsupportedError} if it is no plain LoRA, or the model's form of attention cannot take it
 *
 * @example
 * ```ts
 * import { modelConfig } from "@aha/runtime";
 * import { openGguf } from "@aha/runtime/gguf";
 * import { readAdapter } from "@aha/runtime/lora";
 * const { gguf, source } = await openGguf("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
 * const config = modelConfig(gguf);
 * const values = await readAdapter("tests/fixtures/train/llama_untied/lora_1_peft", config);
 * await source.close();
 * console.log(values[0].weight); // blk.0.attn_q.weight
 * ```
 */
export async function readAdapter(
  from: AdapterPlace,
  model: ModelConfig,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly AdapterValues[]> {
  const folder = await folderOf(from);
  if (folder) return (await readPeftAdapter(folder, model)).values;
  const place = typeof from === "string" ? await resolveModel(from, options) : from as URL | Blob;
  const source = await openSource(place, options);
  try {
    return await readGgufAdapter(source, model);
  } finally {
    await source.close();
  }
}

async function folderOf(from: AdapterPlace): Promise<ModelFolder | undefined> {
  if (from instanceof Map) return blobFolder("files", from);
  const path = pathOf(from as string | URL | Blob);
  if (path === undefined) return undefined;
  if (/\.safetensors$/i.test(path)) {
    throw new SourceError(
      `Cannot read ${path} alone: give its folder, which holds adapter_config.json too`,
      placeText(from),
    );
  }
  const stat = builtin("node:fs").statSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() ? await openFolder(path) : undefined;
}

/** A path on disk; file URLs become one. */
function pathOf(from: string | URL | Blob): string | undefined {
  if (from instanceof Blob || !isNodeLike()) return undefined;
  const text = String(from);
  if (/^file:\/\/\//i.test(text)) return builtin("node:url").fileURLToPath(text);
  return /^(https?|hf|file):/i.test(text) ? undefined : text;
}
