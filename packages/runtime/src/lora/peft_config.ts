/** adapter_config.json as peft writes it: which rank and scale each module's adapter has. Reads no weights. */
import type { JsonObject } from "../convert/checkpoint/json_file.ts";
import { isObject } from "../convert/checkpoint/json_file.ts";
import { CheckpointError, ModelError, UnsupportedError } from "../errors.ts";

/** What tells an adapter's sizes, in peft's words. */
export interface LoraSizes {
  /** r. */
  readonly rank: number;
  readonly alpha: number;
  /** Whether B A is scaled by alpha / sqrt(r) instead of alpha / r (rsLoRA, Kalajdzievski 2312.03732). Default false. */
  readonly rankStabilized?: boolean;
}

/** An adapter's configuration. */
export interface PeftConfig extends LoraSizes {
  /** Ends of modules' paths. */
  readonly targets: readonly string[];
  readonly dropout: number;
  readonly baseModel?: string;
  /** Ranks and alphas of modules that have others, by ends of paths. */
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
}

/** Factor on B A. */
export function scaleOf({ rank, alpha, rankStabilized = false }: LoraSizes): number {
  return rankStabilized ? alpha / Math.sqrt(rank) : alpha / rank;
}

/** peft's patterns are regular expressions; those that it writes itself are ends of paths. */
const PLAIN_END = /^(?:\.\*\\\.)?[\w.]+$/;

/** Keys that change what an adapter computes, and the value with which they change nothing. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  bias: "none",
  fan_in_fan_out: false,
  use_dora: false,
  use_qalora: false,
  use_bdlora: false,
  lora_bias: false,
  modules_to_save: null,
  layer_replication: null,
  trainable_token_indices: null,
  alora_invocation_tokens: null,
};

/**
 * Reads it.
 * @throws {CheckpointError} for values that cannot be
 * @throws {UnsupportedError} for kinds of adapters that are no plain LoRA
 */
export function readPeftConfig(json: JsonObject, where: string): PeftConfig {
  const fail = (what: string): never => {
    throw new CheckpointError(`${where} ${what}`, where);
  };
  if (json.peft_type !== "LORA") refuse(where, "peft_type", json.peft_type);
  for (const [key, neutral] of Object.entries(NEUTRAL)) {
    const value = json[key] ?? neutral;
    if (value !== neutral && !(Array.isArray(value) && value.length === 0)) {
      refuse(where, key, value);
    }
  }
  const number = (key: string, value: unknown, isWhole: boolean): number => {
    if (typeof value === "number" && value > 0 && (!isWhole || Number.isInteger(value))) {
      return value;
    }
    return fail(`says that ${key} is ${JSON.stringify(value)?.slice(0, 80)}`);
  };
  const pattern = (key: string, isWhole: boolean): Record<string, number> => {
    const given = json[key] ?? {};
    if (!isObject(given)) return fail(`has a ${key} that is no object`);
    return Object.fromEntries(
      Object.entries(given).map(([end, n]) => [
        PLAIN_END.test(end) ? end : refuse(where, key, end),
        number(`${key}.${end}`, n, isWhole),
      ]),
    );
  };
  const { target_modules: targets = [], lora_dropout: dropout = 0 } = json;
  if (typeof dropout !== "number" || !(dropout >= 0 && dropout < 1)) {
    fail(`says that lora_dropout is ${JSON.stringify(dropout)?.slice(0, 80)}`);
  }
  return {
    rank: number("r", json.r, true),
    alpha: number("lora_alpha", json.lora_alpha, false),
    rankStabilized: json.use_rslora === true,
    targets: [targets].flat().filter((name) => typeof name === "string"),
    dropout: dropout as number,
    ...(typeof json.base_model_name_or_path === "string"
      ? { baseModel: json.base_model_name_or_path }
      : {}),
    rankPattern: pattern("rank_pattern", true),
    alphaPattern: pattern("alpha_pattern", false),
  };
}

function refuse(where: string, key: string, value: unknown): never {
  const told = JSON.stringify(value)?.slice(0, 80);
  throw new UnsupportedError(`${where}: ${key} ${told} is not supported`, key);
}

/** Rank and scale of a module, or of a parameter in it, after peft's patterns: the first that matches the path's end. */
export function sizesOfModule(config: PeftConfig, path: string): LoraSizes {
  const { rank, alpha, rankStabilized, rankPattern, alphaPattern } = config;
  const own = (pattern: Readonly<Record<string, number>>) =>
    Object.entries(pattern).find(([end]) => `.${path}`.endsWith(`.${end.replace(/^\.\*\\\./, "")}`))
      ?.[1];
  return { rank: own(rankPattern) ?? rank, alpha: own(alphaPattern) ?? alpha, rankStabilized };
}

/**
 * The same, for an adapter of this rank.
 * @throws {ModelError} if the configuration says another
 */
export function expectSizes(config: PeftConfig, path: string, rank: number): LoraSizes {
  const sizes = sizesOfModule(config, path);
  if (sizes.rank === rank) return sizes;
  throw new ModelError(
    `${path} has an adapter of rank ${rank}, adapter_config.json says ${sizes.rank}`,
  );
}

/** The file's contents. */
export function peftConfigJson(config: PeftConfig): string {
  const { rank, alpha, rankStabilized = false, targets, dropout, baseModel = null } = config;
  const json = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: baseModel,
    inference_mode: true,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: dropout,
    use_rslora: rankStabilized,
    target_modules: targets,
    rank_pattern: config.rankPattern,
    alpha_pattern: config.alphaPattern,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
