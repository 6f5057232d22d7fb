/** Opens a model file so that it can be trained: a backend with gradients, the model over it, its parameters by name. Trains nothing. */
import type { TrainableBackend } from "../backend/grad_ops.ts";
import { createWasmBackend, type WasmBackendOptions } from "../backend/wasm/backend.ts";
import { hexText } from "../byte_hash.ts";
import type { LoadProgress } from "../events.ts";
import {
  type ByteSource,
  type Gguf,
  type Metadata,
  openGguf,
  type TensorInfo,
} from "../gguf/mod.ts";
import { planModel } from "../load_model.ts";
import { findArchitecture } from "../model/architectures.ts";
import type { LatentForm } from "../model/config/latent_config.ts";
import type { LanguageModel } from "../model/language_model.ts";
import { GgufParameters } from "../parameter_source.ts";
import { modelFingerprint } from "../prompt_cache/model_fingerprint.ts";
import { createTokenizer, type Tokenizer, vocabularyFromMetadata } from "../tokenizer/mod.ts";
import { resolveModel } from "../weights/resolve_model.ts";
import { type NamedParameters, recordedSource } from "./recorded_source.ts";

/** A model that can be trained; close it. */
export interface TrainableModel {
  /** What it was opened by. */
  readonly name: string;
  readonly backend: TrainableBackend;
  /** Its forward pass, for the ops of the backend, a tape over them, or either with adapters. */
  readonly model: LanguageModel;
  readonly parameters: NamedParameters;
  readonly tokenizer: Tokenizer;
  /** What the file says besides tensors; an export writes it again. */
  readonly metadata: Metadata;
  /** The file's tensors by name, in its order: sizes and formats, no numbers. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** 64 hexadecimal digits that tell models apart, see `modelFingerprint`: of the file, whatever training has changed. */
  fingerprint(): Promise<string>;
  /** Ends the helper threads. */
  close(): Promise<void>;
}

/** How to open it. */
export interface TrainableOptions extends WasmBackendOptions {
  /** How attention over latents is computed; adapters of `kv_b_proj` need `naive`. Default `absorbed`. */
  readonly latentForm?: LatentForm;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Opens a model for training from a path, a URL, a Blob or a name of the manifest, as `loadModel` does. All of its
 * weights are loaded; what is trained, and with what memory for gradients, is chosen later.
 *
 * @throws {SourceError} if it cannot be read
 * @throws {GgufError} if the file is malformed
 * @throws {UnsupportedError} if it needs what this version has no code for
 * @throws {ModelError} if its parts do not fit together
 *
 * @example
 * ```ts
 * import { openTrainable } from "@aha/runtime/training";
 * const model = await openTrainable("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
 * console.log(model.parameters.size);
 * await model.close();
 * ```
 */
export async function openTrainable(
  where: string | URL | Blob,
  options: TrainableOptions = {},
): Promise<TrainableModel> {
  const { signal, onProgress } = options;
  const place = typeof where === "string" ? await resolveModel(where, { signal }) : where;
  const { gguf, source } = await openGguf(place, { signal });
  try {
    const backend = await createWasmBackend(options);
    try {
      const name = where instanceof Blob ? "blob" : String(where);
      return await loadTrainable(backend, gguf, source, { ...options, name, onProgress });
    } catch (error) {
      await backend.close();
      throw error;
    }
  } finally {
    await source.close();
  }
}

/** Loads an opened file onto a backend, which belongs to the model from then on. */
export async function loadTrainable(
  backend: TrainableBackend,
  gguf: Gguf,
  source: ByteSource,
  options: Omit<TrainableOptions, keyof WasmBackendOptions> & { readonly name: string },
): Promise<TrainableModel> {
  const { config, leftOut } = planModel(gguf, { latentForm: options.latentForm, multiToken: true });
  const tokenizer = createTokenizer(vocabularyFromMetadata(gguf.metadata));
  const stored = new GgufParameters(gguf, source, backend, options);
  leftOut.forEach((prefix) => stored.leave(prefix));
  const { source: recorded, parameters } = recordedSource(stored);
  const model = await findArchitecture(config.architecture)(config, recorded, backend.ops);
  stored.expectAllUsed();
  return {
    name: options.name,
    backend,
    model,
    parameters,
    tokenizer,
    metadata: gguf.metadata,
    tensors: gguf.tensors,
    fingerprint: async () => hexText(await modelFingerprint(config, gguf, stored.hashes)),
    close: () => backend.close(),
  };
}
