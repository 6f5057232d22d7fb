/** Loads a model: opens it, plans its memory, starts the backend, streams the weights; or tells what its head says. Wires parts, computes nothing. */
import { writesThoughts } from "./answer/reasoning_tags.ts";
import { createWasmBackend } from "./backend/wasm/backend.ts";
import { packedBytes } from "./backend/wasm/weight_loader.ts";
import { Decoder } from "./engine/decoder.ts";
import { readEmbeddingForm } from "./engine/reading/embed.ts";
import { layerPays } from "./engine/speculation/choose_drafter.ts";
import { ModelError, UnsupportedError } from "./errors.ts";
import type { LoadProgress } from "./events.ts";
import { type ByteSource, type Gguf, type Metadata, openGguf } from "./gguf/mod.ts";
import { KV_TYPES, type KvType } from "./kv_cache.ts";
import { type AdapterNeeds, type MemoryPlan, planMemory } from "./memory_plan.ts";
import {
  adapterBytes,
  adapterRowNumbers,
  needsJointMatrix,
  type ReadLora,
  readLora,
} from "./lora/loading/adapter_plan.ts";
import { LoadedAdapters } from "./lora/loading/loaded_adapters.ts";
import type { LoraInput } from "./lora/loading/lora_source.ts";
import { findArchitecture } from "./model/architectures.ts";
import { type ModelConfig, readConfig } from "./model/config.ts";
import { kvShapeOf } from "./model/config/kv_shape.ts";
import type { LatentForm } from "./model/config/latent_config.ts";
import { rearrangedBytes } from "./model/layers/latent_weights.ts";
import { Model } from "./loaded_model.ts";
import { GgufParameters } from "./parameter_source.ts";
import { modelFingerprint } from "./prompt_cache/model_fingerprint.ts";
import { R1_SAMPLING, type SamplingDefaults } from "./sampler/draw_options.ts";
import { createTokenizer, vocabularyFromMetadata } from "./tokenizer/mod.ts";
import { type FileFacts, fileFacts } from "./weights/file_facts.ts";
import { locateModel, resolveModel } from "./weights/resolve_model.ts";

/** How to load a model. */
export interface LoadOptions {
  /**
   * Threads that share the work, the caller's included; never more than the cores this process may use (`model.backend`
   * tells how many run). Default: as many as those, at most 32.
   */
  readonly threads?: number;
  /** Most tokens of prompt and answer together. Default: what the model was trained for, at most 8192. */
  readonly contextTokens?: number;
  /**
   * Tokens that the cache holds for all requests that run at once, and of finished ones that later prompts may continue.
   * Requests beyond it wait their turn. Default: a whole context for each of `sequences`; of several, as many as fit 1 GiB
   * and `memoryBytes`.
   */
  readonly cacheTokens?: number;
  /** Requests that shall run at once without waiting for room; more may. Default 1. */
  readonly sequences?: number;
  /** Most bytes the model may use; loading fails before it begins if it needs more. */
  readonly memoryBytes?: number;
  /**
   * Storage of keys and values in generation. Default `auto`: f16, or f32 where the whole cache is small. `q8_0` takes
   * about half of f16's memory and needs heads of a multiple of 32 numbers.
   */
  readonly kvType?: KvType | "auto";
  /**
   * How attention over latents is computed, in models of DeepSeek's kind. `absorbed`, the default, caches the latents
   * alone; `naive` caches the keys and values of every head. The results differ by rounding.
   */
  readonly latentForm?: LatentForm;
  /**
   * Whether to load the layer for multi-token prediction where the file has one (DeepSeek-V3 and R1). It guesses tokens
   * (`speculation`) and runs with each step. Default: where that saves time, which it does in models of many layers.
   */
  readonly multiToken?: boolean;
  /**
   * Low-rank adapters (LoRA, 2106.09685), one or several: GGUF files or peft's folders. One without a name applies to every
   * request that chooses none; those with names wait for requests that choose them (`adapter`). Where one changes
   * `kv_b_proj` and `latentForm` is left open, that is `naive`.
   */
  readonly lora?: LoraInput | readonly LoraInput[];
  /** `auto` and `wasm` are the same until the WebGPU backend exists. */
  readonly backend?: "auto" | "wasm";
  /** Build of the core; default: the best that runs here. */
  readonly variant?: "relaxed_threads" | "simd_threads" | "simd";
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Called before memory is taken, which waits for what this gives; what it throws ends the load. */
  readonly onPlan?: (plan: MemoryPlan) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * Loads a model from a path, a URL, a Blob, `hf:ORG/REPO/FILE.gguf` or a name of the manifest. A shard
 * `-00001-of-0000N.gguf` brings its siblings along.
 *
 * @throws {SourceError} if it cannot be read
 * @throws {GgufError} if the file is malformed
 * @throws {UnsupportedError} if it needs what this version has no code for
 * @throws {ModelError} if its parts do not fit together
 * @throws {MemoryError} if it needs more memory than it may use, before loading
 * @throws {CheckpointError} if a file of an adapter's folder is malformed
 * @throws {RangeError} if two adapters have one name
 *
 * @example
 * ```ts
 * import { loadModel } from "@aha/runtime";
 * await using model = await loadModel("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
 * const { ids } = await model.complete("The answer", { maxTokens: 4, temperature: 0 });
 * console.log(ids.length); // 4
 * ```
 *
 * @example With an adapter that requests choose
 * ```ts
 * import { loadModel } from "@aha/runtime";
 * await using model = await loadModel("tests/fixtures/models/llama_untied/gguf/model-F32.gguf", {
 *   lora: { name: "tuned", from: "tests/fixtures/train/llama_untied/lora_1_peft" },
 * });
 * const options = { maxTokens: 4, temperature: 0, ignoreEnd: true };
 * const { ids } = await model.complete([1, 2, 3], { ...options, adapter: "tuned" });
 * console.log(ids.length); // 4
 * ```
 */
export async function loadModel(
  where: string | URL | Blob,
  options: LoadOptions = {},
): Promise<Model> {
  const start = performance.now();
  checkLoadOptions(options);
  const place = typeof where === "string" ? await locate(where, options) : where;
  const { gguf, source } = await openGguf(place, { signal: options.signal });
  try {
    const name = where instanceof Blob ? "blob" : String(where);
    return await loadFrom(source, gguf, name, options, start);
  } finally {
    await source.close();
  }
}

/** What TypeScript cannot check: a JavaScript caller's words and numbers. */
function checkLoadOptions(options: LoadOptions): void {
  const { threads, memoryBytes, kvType, latentForm, multiToken, backend, variant } = options;
  const oneOf = (name: string, value: string | undefined, known: readonly string[]) => {
    if (value === undefined || known.includes(value)) return;
    throw new UnsupportedError(`${name} is ${value}, known are ${known.join(", ")}`, value);
  };
  oneOf("kvType", kvType, ["auto", ...KV_TYPES]);
  oneOf("latentForm", latentForm, ["absorbed", "naive"]);
  oneOf("backend", backend, ["auto", "wasm"]);
  oneOf("variant", variant, ["relaxed_threads", "simd_threads", "simd"]);
  if (multiToken !== undefined && typeof multiToken !== "boolean") {
    throw new TypeError(`multiToken is ${shown(multiToken)}, it must be true or false`);
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new RangeError(`threads is ${shown(threads)}, it must be a whole number of at least 1`);
  }
  if (memoryBytes !== undefined && !(typeof memoryBytes === "number" && memoryBytes > 0)) {
    throw new RangeError(`memoryBytes is ${shown(memoryBytes)}, it must be a positive number`);
  }
}

/** Numbers in quotes are no numbers. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function locate(model: string, { signal, onProgress }: LoadOptions): Promise<string | URL> {
  return resolveModel(model, {
    signal,
    onProgress: ({ phase, receivedBytes: doneBytes, totalBytes }) =>
      onProgress?.({ phase, doneBytes, totalBytes }),
  });
}

/** What is decided of a model before it is loaded. */
export interface PlannedModel {
  readonly config: ModelConfig;
  readonly plan: MemoryPlan;
  /** How the names of tensors begin that stay in the file. */
  readonly leftOut: readonly string[];
}

/** Sizes and memory plan of a model file, without loading it. */
export function planModel(
  gguf: Gguf,
  options: LoadOptions = {},
  adapters?: AdapterNeeds,
): PlannedModel {
  const { stored, config } = configsOf(gguf, options);
  const leftOut = leftOutOf(stored, config);
  const weights = weightBytes(gguf, config, leftOut);
  const shapeOf = (type: KvType) => kvShapeOf(config, type);
  const plan = planMemory(config, shapeOf, weights, { ...options, adapters });
  return { config, plan, leftOut };
}

/**
 * Sizes of a model file in the form that the caller chooses, however much memory it would need.
 * @throws {UnsupportedError} if it is of an architecture without code
 * @throws {ModelError} if its parts do not fit together
 */
export function modelConfig(
  gguf: Gguf,
  options: Pick<LoadOptions, "latentForm" | "multiToken"> = {},
): ModelConfig {
  return configsOf(gguf, options).config;
}

/** The sizes as the file has them, and as the caller wants them. */
function configsOf(
  gguf: Gguf,
  options: LoadOptions,
): { readonly stored: ModelConfig; readonly config: ModelConfig } {
  const { metadata } = gguf;
  const architecture = metadata.string("general.architecture");
  findArchitecture(architecture);
  const names = [...gguf.tensors.keys()];
  const hasTensors = (prefix: string) => names.some((name) => name.startsWith(prefix));
  const stored = readConfig(architecture, metadata, vocabularySize(gguf), hasTensors);
  return { stored, config: withChoices(stored, options) };
}

/** Reads the adapters; the form of latent attention is the one that they need, where the caller has left that open. */
async function adaptersOf(
  gguf: Gguf,
  options: LoadOptions,
): Promise<
  { readonly read: readonly ReadLora[]; readonly needs: AdapterNeeds; readonly form?: LatentForm }
> {
  const { lora, latentForm, signal } = options;
  const config = modelConfig(gguf, { ...options, latentForm: latentForm ?? "naive" });
  const read = await readLora(lora, config, signal);
  const values = read.flatMap((one) => one.values);
  const needs = { weightBytes: adapterBytes(values), rowNumbers: adapterRowNumbers(values) };
  return { read, needs, form: latentForm ?? (needsJointMatrix(values) ? "naive" : undefined) };
}

/** A model in short, loaded or not. */
export interface ModelDescription extends FileFacts {
  readonly architecture: string;
  /** Most tokens of prompt and answer together, with these options. */
  readonly contextTokens: number;
  /** V, C and the layers. */
  readonly vocabulary: number;
  readonly width: number;
  readonly layers: number;
  /** Jinja text. */
  readonly chatTemplate?: string;
  /** Whether its tokenizer, or its template, has the tags of a thought. */
  readonly isReasoning: boolean;
}

/**
 * Reads the head of a model's file, or over HTTP so much of it; undefined where the model has to be downloaded first.
 * @throws {SourceError} if it cannot be read
 * @throws {GgufError} if the file is malformed
 * @throws {UnsupportedError} if it needs what this version has no code for
 *
 * @example
 * ```ts
 * import { describeModel } from "@aha/runtime";
 * const source = "tests/fixtures/models/llama_untied/gguf/model-F16.gguf";
 * console.log((await describeModel(source))?.quantization); // F16
 * ```
 */
export async function describeModel(
  where: string | URL | Blob,
  options: Pick<LoadOptions, "contextTokens" | "signal"> = {},
): Promise<ModelDescription | undefined> {
  const place = typeof where === "string" ? await locateModel(where) : where;
  if (place === undefined) return undefined;
  const { gguf, source } = await openGguf(place, { signal: options.signal });
  try {
    const { contextTokens } = options;
    const { config, plan } = planModel(gguf, { contextTokens });
    const { architecture, vocabulary, width, layers } = config;
    const words = vocabularyFromMetadata(gguf.metadata);
    const { chatTemplate } = words;
    return {
      ...{ architecture, contextTokens: plan.contextTokens, vocabulary, width, layers },
      ...fileFacts(gguf, source.sizeBytes),
      ...(chatTemplate === undefined ? {} : { chatTemplate }),
      isReasoning: writesThoughts(words),
    };
  } finally {
    await source.close();
  }
}

/** Bytes of all weights that are loaded, packed and arranged as the backend has them. */
function weightBytes(gguf: Gguf, config: ModelConfig, leftOut: readonly string[]): number {
  const sizes = new Map<string, number>();
  for (const { name, dims, sizeBytes } of gguf.tensors.values()) {
    if (leftOut.some((prefix) => name.startsWith(prefix))) continue;
    sizes.set(name, packedBytes(dims, sizeBytes));
  }
  const stored = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  const made = (dims: readonly number[]) =>
    packedBytes(dims, dims.reduce((product, size) => product * size, 4));
  return stored + rearrangedBytes(config, (name) => sizes.get(name), made);
}

/**
 * The sizes with what the caller may choose.
 * @throws {UnsupportedError} for more than one layer that guesses, which no published model has
 */
function withChoices(
  config: ModelConfig,
  { latentForm: form = "absorbed", multiToken = layerPays(config) }: LoadOptions,
): ModelConfig {
  const { nextLayers, latent, ...others } = config;
  if (multiToken && nextLayers !== undefined && nextLayers > 1) {
    throw new UnsupportedError(
      `A model with ${nextLayers} layers for multi-token prediction is not supported yet, only with 1: load it without (multiToken: false)`,
      String(nextLayers),
    );
  }
  return {
    ...others,
    ...(nextLayers && multiToken ? { nextLayers } : {}),
    ...(latent ? { latent: { ...latent, form } } : {}),
  };
}

/** How the names of tensors begin that are in the file and not loaded. */
function leftOutOf(stored: ModelConfig, chosen: ModelConfig): string[] {
  const count = (stored.nextLayers ?? 0) - (chosen.nextLayers ?? 0);
  return Array.from({ length: count }, (_, i) => `blk.${stored.layers + i}.`);
}

async function loadFrom(
  source: ByteSource,
  gguf: Gguf,
  name: string,
  options: LoadOptions,
  start: number,
): Promise<Model> {
  const { read, needs, form } = await adaptersOf(gguf, options);
  const { config, plan, leftOut } = planModel(gguf, { ...options, latentForm: form }, needs);
  await options.onPlan?.(plan);
  options.signal?.throwIfAborted();
  const tokenizer = createTokenizer(vocabularyFromMetadata(gguf.metadata));
  if (tokenizer.vocabularySize > config.vocabulary) {
    throw new ModelError(
      `The tokenizer has ${tokenizer.vocabularySize} tokens, the model's embedding only ${config.vocabulary}`,
    );
  }
  const backend = await createWasmBackend({
    threads: options.threads,
    // Room for a second cache (scoring keeps keys in f32) beside what generation was planned with.
    maxBytes: options.memoryBytes ?? plan.totalBytes * 2,
    variant: options.variant,
  });
  try {
    const parameters = new GgufParameters(gguf, source, backend, options);
    leftOut.forEach((prefix) => parameters.leave(prefix));
    const model = await findArchitecture(config.architecture)(config, parameters, backend.ops);
    parameters.expectAllUsed();
    const decoder = new Decoder(model, backend.ops, plan.contextTokens);
    return new Model({
      name,
      backend,
      decoder,
      adapters: await LoadedAdapters.load(decoder, backend, read),
      tokenizer,
      kvType: plan.kvType,
      file: fileFacts(gguf, source.sizeBytes),
      fingerprint: () => modelFingerprint(config, gguf, parameters.hashes),
      cacheTokens: plan.cacheTokens,
      defaults: recommendedSampling(gguf.metadata),
      embedding: readEmbeddingForm(config.architecture, gguf.metadata),
      loadMs: performance.now() - start,
    });
  } catch (error) {
    await backend.close();
    throw error;
  }
}

/** The head's rows decide; the metadata may name a smaller vocabulary. */
function vocabularySize(gguf: Gguf): number {
  const embedding = gguf.tensors.get("token_embd.weight");
  if (!embedding) {
    throw new ModelError(`Tensor token_embd.weight is missing from ${gguf.sourceName}`);
  }
  const { dims } = embedding;
  if (dims.length < 2) {
    throw new ModelError(`Tensor token_embd.weight has the shape [${dims}], a matrix is wanted`);
  }
  return dims[1];
}

/** What the file recommends (`general.sampling.*`), else DeepSeek-R1's. */
function recommendedSampling(metadata: Metadata): SamplingDefaults {
  const number = (name: string, most: number): number | undefined => {
    const key = `general.sampling.${name}`;
    const value = metadata.optionalNumber(key);
    if (value === undefined || (value >= 0 && value <= most)) return value;
    throw new ModelError(`Metadata key ${key} is ${value}, a number from 0 to ${most} is wanted`);
  };
  const stored = {
    temperature: number("temp", 100),
    topP: number("top_p", 1),
    topK: number("top_k", 2 ** 31 - 1),
    minP: number("min_p", 1),
  };
  return Object.values(stored).some((value) => value !== undefined) ? stored : R1_SAMPLING;
}
