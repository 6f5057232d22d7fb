/** Reads how to serve from environment variables, for programs that get no command line. Reads no process. */
import { readLoraText } from "@aha/runtime/lora";
import type { AppOptions } from "../app_options.ts";
import type { EngineConfig } from "../engine/engine_config.ts";
import { readApiKeys } from "./api_keys_text.ts";
import { readModel } from "./model_text.ts";

/** What a ready server is made of. */
export interface EnvironmentSettings {
  readonly engine: EngineConfig;
  readonly app: AppOptions;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_MODEL = "smollm2-135m";

/**
 * `AHA_MODEL` (words as `readModel` takes them, between blanks), `AHA_LORA` (adapters of the first model, `NAME=FILE` or
 * FILE, which applies to requests that choose none, between blanks), `AHA_API_KEYS` or `AHA_PUBLIC=1`, `AHA_CTX`,
 * `AHA_MEMORY_MIB`, `AHA_SLOTS`, `AHA_MAX_TOKENS`, `AHA_CORS` (origins between blanks). An empty variable is none.
 * @throws {RangeError} if a variable makes no sense, or there is neither a key nor leave to be public
 */
export function environmentSettings(environment: Environment): EnvironmentSettings {
  const apiKeys = readApiKeys(environment.AHA_API_KEYS ?? "");
  const isPublic = environment.AHA_PUBLIC === "1";
  if (apiKeys.length === 0 && !isPublic) {
    throw new RangeError(
      "Anybody could ask: set AHA_API_KEYS to one or more keys, or AHA_PUBLIC=1 if that is meant",
    );
  }
  const contextTokens = count(environment, "AHA_CTX");
  const memory = count(environment, "AHA_MEMORY_MIB");
  const slots = count(environment, "AHA_SLOTS");
  const maxTokens = count(environment, "AHA_MAX_TOKENS");
  const loadOptions = contextTokens === undefined ? {} : { contextTokens };
  const named = words(environment.AHA_MODEL);
  const lora = words(environment.AHA_LORA).map(readLoraText);
  const models = (named.length > 0 ? named : [DEFAULT_MODEL]).map((word, i) => ({
    ...readModel(word),
    loadOptions: i === 0 && lora.length > 0 ? { ...loadOptions, lora } : loadOptions,
  }));
  return {
    engine: {
      ...{ models, preload: true },
      ...(slots === undefined ? {} : { slots }),
      ...(memory === undefined ? {} : { memoryBytes: memory * 2 ** 20 }),
    },
    app: {
      ...{ apiKeys, corsOrigins: words(environment.AHA_CORS) },
      ...(isPublic ? { hostNames: ["*"] } : {}),
      ...(maxTokens === undefined ? {} : { maxTokens }),
    },
  };
}

function words(text = ""): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function count(environment: Environment, name: string): number | undefined {
  const text = environment[name]?.trim() ?? "";
  if (text === "") return undefined;
  if (/^\d+$/.test(text) && Number(text) > 0) return Number(text);
  throw new RangeError(`${name} is ${JSON.stringify(text)}, a whole number over 0 is wanted`);
}
