/** The matrices of a model that adapters may be for, by the names of Hugging Face's modules and of GGUF. Loads nothing. */
import { type ModelSizes, targetNamed, wantedTensors } from "../convert/architecture.ts";
import type { WantedTensor } from "../convert/wanted_tensor.ts";
import { ModelError, UnsupportedError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { ModulePair } from "./peft_weights.ts";

/** A matrix. */
export interface Target {
  /** For example `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  /** GGUF's name of the weight, for example `blk.0.attn_q.weight`. */
  readonly weight: string;
  readonly rows: number;
  readonly cols: number;
  /** Size of the heads whose rows GGUF has reordered; missing where they stand as they are. */
  readonly interleavedHeads?: number;
  /** Experts of a bank, of which this is each one's size; missing for one matrix. */
  readonly experts?: number;
  /** Why nothing can be added to its products, where that is so. */
  readonly refusal?: string;
}

/** Embedding and head, and the gate that routes. */
const NEVER = /^(?:lm_head|model\.embed_tokens|.*\.mlp\.gate)$/;

/**
 * All matrices of a model's layers, in the order of the layers; a bank of experts is one, without the experts' numbers in
 * its path (`model.layers.1.mlp.experts.gate_proj`).
 * @throws {UnsupportedError} if the architecture's names are not known
 */
export function adapterTargets(config: ModelConfig): readonly Target[] {
  return [...hfTensors(config)].flatMap(([name, { name: weight, shape, layout }]) => {
    const module = name.replace(/\.weight$/, "").replace(".mlp.experts.0.", ".mlp.experts.");
    if (shape.length < 2 || NEVER.test(module)) return [];
    const [rows, cols] = shape;
    const target = { module, weight, rows, cols };
    if (layout?.kind === "expert") {
      return layout.index === 0 ? [{ ...target, experts: layout.experts }] : [];
    }
    if (layout?.kind === "interleaved") return [{ ...target, interleavedHeads: layout.headSize }];
    if (layout?.kind !== "keysAndValues") return [target];
    const joint = { ...target, weight: weight.replace("attn_k_b", "attn_kv_b") };
    return [config.latent?.form === "naive" ? joint : { ...joint, refusal: ABSORBED }];
  });
}

const ABSORBED = "the absorbed form of latent attention multiplies it into others: load the " +
  'model with latentForm "naive"';

/**
 * Every tensor of a loaded model by its name in a Hugging Face folder.
 * @throws {UnsupportedError} if the architecture's names are not known
 */
export function hfTensors(config: ModelConfig, isTied = false): ReadonlyMap<string, WantedTensor> {
  const { architecture } = config;
  const target = targetNamed(architecture);
  if (target) return wantedTensors(target, sizesOf(config, isTied));
  throw new UnsupportedError(`The names of ${architecture} models are not known`, architecture);
}

function sizesOf({ latent, mixture, ...config }: ModelConfig, isTied: boolean): ModelSizes {
  return {
    ...config,
    nextLayers: config.nextLayers ?? 0,
    isTied,
    ...(mixture ? { mixture: { ...mixture, hasChoiceBias: mixture.needsBias } } : {}),
    ...(latent
      ? {
        latent: {
          ...latent,
          queryRank: latent.queryRank || undefined,
          keySize: latent.nopeSize + latent.rotarySize,
        },
      }
      : {}),
  };
}

/**
 * The targets that a list of names means, in the order of the layers: as peft does, the end of a module's path (`q_proj`,
 * `self_attn.q_proj`, a whole path), `all-linear` for all, and GGUF's names as well (`attn_q`, `blk.0.attn_q`). Routed experts are meant only by names that say
 * so: `experts`, `experts.gate_proj`, `ffn_gate_exps`.
 * @throws {RangeError} naming the first name that no matrix of the model has
 * @throws {UnsupportedError} for a matrix that cannot be adapted in the form that the model is loaded in
 */
export function chooseTargets(config: ModelConfig, names: readonly string[]): readonly Target[] {
  const all = adapterTargets(config);
  for (const name of names) {
    if (all.some((target) => isMeant(target, name))) continue;
    const known = [...new Set(all.map(({ module }) => module.replace(/^.*\./, "")))].join(", ");
    throw new RangeError(
      `The ${config.architecture} model has no matrix ${JSON.stringify(name)} (it has ${known})`,
    );
  }
  const chosen = all.filter((target) => names.some((name) => isMeant(target, name)));
  const refused = chosen.find(({ refusal }) => refusal !== undefined);
  if (refused) throw refusalOf(refused);
  return chosen;
}

/** The error of a target with a refusal. */
export function refusalOf({ module, refusal }: Target): UnsupportedError {
  return new UnsupportedError(`${module} cannot have an adapter: ${refusal}`, module);
}

/**
 * The target of a module with matrices `[rows, r]` and `[r, cols]`; `where` is the adapter's place.
 * @throws {ModelError} naming the module, where the model has it in no such size
 * @throws {UnsupportedError} where it cannot have an adapter
 */
export function expectTarget(
  targets: ReadonlyMap<string, Target>,
  { module, a, b }: ModulePair,
  { architecture, layers, width }: ModelConfig,
  where: string,
): Target {
  const model = `this ${architecture} model of ${layers} layers and width ${width}`;
  const target = targets.get(module);
  if (!target) {
    throw new ModelError(`The adapter ${where} is for another model: ${model} has no ${module}`);
  }
  if (target.refusal !== undefined) throw refusalOf(target);
  if (target.rows === b.rows && target.cols === a.cols) return target;
  throw new ModelError(
    `The adapter ${where} is for another model: its ${module} is [${b.rows}, ${a.cols}], that of ${model} [${target.rows}, ${target.cols}]`,
  );
}

function isMeant({ module, weight, experts }: Target, name: string): boolean {
  if (experts !== undefined && !/experts|exps/.test(name)) return false;
  if (name === "all-linear") return true;
  if (name === "experts") return experts !== undefined;
  const own = weight.replace(/\.weight$/, "");
  return [module, own].some((path) => path === name || path.endsWith(`.${name}`)) ||
    name === weight;
}
