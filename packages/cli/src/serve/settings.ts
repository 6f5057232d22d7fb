/** From options, the config file and the environment to what is served and how. Opens no model and no port. */
import type { ApiKey, AppOptions, EngineConfig, ModelSpec } from "@aha/api";
import { readApiKeys, readModel } from "@aha/api";
import { type CommandInput, type OptionSpec, type OptionValues, UsageError } from "../command.ts";
import { loadOptionSpecs, loraText, plainLoadOptions } from "../model_options.ts";
import { DEFAULT_MODEL } from "../nano/default_model.ts";
import {
  choiceOption,
  durationOption,
  flagOption,
  integerOption,
  listOption,
  sizeOption,
  stringOption,
} from "../options.ts";
import { type ConfiguredModel, readConfigFile } from "./config_file.ts";

/** How the access log is written. */
export type LogForm = "text" | "json" | "off";

/** What `aha serve` is to do. */
export interface ServeSettings {
  readonly host: string;
  readonly port: number;
  readonly engine: EngineConfig;
  readonly app: AppOptions;
  readonly log: LogForm;
  /** How long answers may go on when the server is told to end. */
  readonly graceMs: number;
}

const { ctx, threads, "kv-type": kvType } = loadOptionSpecs;

/** Options that a config file may give too, under the same names. */
const SHARED_SPECS: Readonly<Record<string, OptionSpec>> = {
  host: { type: "string", value: "HOST", help: "address to listen on (default 127.0.0.1)" },
  port: { type: "string", value: "N", help: "port to listen on (default 8787; 0: any free one)" },
  public: { type: "boolean", help: "let anybody ask who reaches the host, without a key" },
  "allow-host": {
    ...{ type: "string", value: "NAME", multiple: true },
    help: "a further name to be asked by, where a proxy keeps it",
  },
  cors: { type: "string", value: "ORIGIN", help: "let pages of ORIGIN ask, or *", multiple: true },
  slots: { type: "string", value: "N", help: "answers in the making at once (default 8)" },
  queue: { type: "string", value: "N", help: "requests that may wait (default 64)" },
  timeout: { type: "string", value: "TIME", help: "most time of a request (default 10m)" },
  "max-tokens": { type: "string", value: "N", help: "most tokens of an answer" },
  ctx,
  threads,
  memory: { type: "string", value: "SIZE", help: "most memory of all models, such as 3GiB" },
  "kv-type": kvType,
  "idle-timeout": {
    ...{ type: "string", value: "TIME" },
    help: "unload a model that nobody asks for, such as 10m",
  },
  alias: {
    ...{ type: "string", value: "ALIAS[=NAME]", multiple: true },
    help: "a further name of a model, or of the first; gpt-* stands for all that begin so",
  },
  grace: {
    ...{ type: "string", value: "TIME" },
    help: "how long answers may go on after Ctrl-C (default 10s)",
  },
  log: { type: "string", value: "FORM", help: "a line a request: text (default), json or off" },
  "log-prompts": { type: "boolean", help: "write prompts into the log as well" },
};

/** All options of `aha serve`. */
export const serveOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  "api-key": {
    ...{ type: "string", value: "[NAME:]KEY", multiple: true },
    help: "a key that requests must bring; others see it in ps, AHA_API_KEYS they don't",
  },
  lora: {
    ...{ type: "string", value: "[[MODEL:]NAME=]FILE[:SCALE]", multiple: true },
    help:
      "an adapter that requests choose as MODEL:NAME; without a name it applies to all that choose none",
  },
  config: { type: "string", value: "FILE", help: "models, keys and options from a JSON file" },
  ...SHARED_SPECS,
};

/**
 * What the command line says, else the config file; models and keys of both.
 * @throws {UsageError} if something makes no sense, or if anybody could ask who reaches the host
 */
export function serveSettings(
  { values: given, positionals }: CommandInput,
  environment: Readonly<Record<string, string | undefined>>,
): ServeSettings {
  const file = stringOption(given, "config");
  const config = file === undefined ? undefined : readConfigFile(file, SHARED_SPECS);
  const values: OptionValues = { ...config?.values, ...given };
  const apiKeys = [...keysOf(given, environment), ...config?.apiKeys ?? []];
  const named = positionals.map((word): ConfiguredModel => ({ model: word }));
  const configured = [...named, ...config?.models ?? []];
  const wanted = configured.length > 0 ? configured : [{ model: DEFAULT_MODEL }];
  const host = stringOption(values, "host") ?? "127.0.0.1";
  const isOpen = apiKeys.length === 0;
  if (isOpen && !isLoopback(host) && !flagOption(values, "public")) {
    throw new UsageError(
      `--host ${host} lets others ask: give --api-key, or --public if anybody may`,
    );
  }
  const hostNames = [...listOption(values, "allow-host"), host];
  return {
    host,
    port: integerOption(values, "port", { min: 0, max: 65_535 }) ?? 8787,
    engine: engineConfig(values, withAdapters(wanted, listOption(given, "lora"))),
    app: {
      ...{ apiKeys, corsOrigins: originsOf(values) },
      ...(isOpen ? { hostNames: isLoopback(host) ? hostNames : ["*"] } : {}),
      ...{ logPrompts: flagOption(values, "log-prompts") },
      ...known({
        maxTokens: integerOption(values, "max-tokens", { min: 1 }),
        requestTimeoutMs: durationOption(values, "timeout"),
      }),
    },
    log: choiceOption(values, "log", ["text", "json", "off"]) ?? "text",
    graceMs: durationOption(values, "grace") ?? 10_000,
  };
}

function engineConfig(values: OptionValues, wanted: readonly ConfiguredModel[]): EngineConfig {
  const { memory: _, ...ofModels } = values;
  const models: readonly ModelSpec[] = withAliases(
    wanted.map((model) => modelSpec(model, ofModels)),
    values,
  );
  const names = models.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new UsageError(`two models are called ${JSON.stringify(twice)}; give one as NAME=MODEL`);
  }
  return {
    ...{ models, preload: true },
    ...known({
      slots: integerOption(values, "slots", { min: 1, max: 256 }),
      maxQueued: integerOption(values, "queue", { min: 0 }),
      memoryBytes: sizeOption(values, "memory"),
      keepAliveMs: durationOption(values, "idle-timeout"),
    }),
  };
}

function modelSpec(model: ConfiguredModel, values: OptionValues): ModelSpec {
  const { model: word, name, aliases, prices, "idle-timeout": idle, lora = [], ...own } = model;
  const named = namedModel({ model: word, name });
  try {
    const adapters = lora.map(loraText);
    return {
      ...named,
      loadOptions: {
        ...known(plainLoadOptions({ ...values, ...known(own) })),
        ...(adapters.length > 0 ? { lora: expectNamedApart(adapters) } : {}),
      },
      ...known({
        aliases,
        prices,
        keepAliveMs: durationOption({ "idle-timeout": idle }, "idle-timeout"),
      }),
    };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`model ${JSON.stringify(named.name)}: ${error.message}`);
  }
}

function namedModel({ model, name }: Pick<ConfiguredModel, "model" | "name">) {
  return explained(() => name === undefined ? readModel(model) : { name, source: model });
}

/** Gives each `--lora` to its model: the one that stands before its name, or the only one. */
function withAdapters(
  models: readonly ConfiguredModel[],
  texts: readonly string[],
): readonly ConfiguredModel[] {
  const added = new Map<ConfiguredModel, string[]>();
  const named = new Map(models.map((model) => [namedModel(model).name, model]));
  for (const text of texts) {
    const head = text.includes("=") ? text.slice(0, text.indexOf("=")) : "";
    const colon = head.lastIndexOf(":");
    const model = colon > 0 ? named.get(head.slice(0, colon)) : undefined;
    const [only, ...others] = models;
    if (!model && (colon > 0 || others.length > 0)) {
      const names = [...named.keys()].join(", ");
      throw new UsageError(
        `--lora ${
          JSON.stringify(text)
        } is not allowed; give MODEL:NAME=FILE, MODEL one of ${names}`,
      );
    }
    const own = model ?? only;
    added.set(own, [...added.get(own) ?? own.lora ?? [], text.slice(colon > 0 ? colon + 1 : 0)]);
  }
  return models.map((model) => ({ ...model, ...known({ lora: added.get(model) }) }));
}

function expectNamedApart<T extends { readonly name?: string }>(
  adapters: readonly T[],
): readonly T[] {
  const names = adapters.map(({ name }) => name);
  const twice = names.find((name, i) => name !== undefined && names.indexOf(name) < i);
  if (twice === undefined) return adapters;
  throw new UsageError(`two adapters are called ${JSON.stringify(twice)}`);
}

/** Adds what `--alias` gives. */
function withAliases(models: readonly ModelSpec[], values: OptionValues): readonly ModelSpec[] {
  const added = new Map<string, string[]>();
  for (const text of listOption(values, "alias")) {
    const [alias, name = models[0].name] = text.split("=");
    if (alias === "" || !models.some((model) => model.name === name)) {
      throw new UsageError(
        `--alias ${JSON.stringify(text)} is not allowed; give ALIAS or ALIAS=NAME, NAME one of ${
          models.map((model) => model.name).join(", ")
        }`,
      );
    }
    added.set(name, [...added.get(name) ?? [], alias]);
  }
  return models.map((model) => {
    const more = added.get(model.name);
    return more ? { ...model, aliases: [...model.aliases ?? [], ...more] } : model;
  });
}

function keysOf(
  values: OptionValues,
  environment: Readonly<Record<string, string | undefined>>,
): ApiKey[] {
  const given = listOption(values, "api-key");
  if (given.some((text) => /^[\s,]*$/.test(text))) throw new UsageError("--api-key is empty");
  const texts = [...given, environment.AHA_API_KEYS ?? ""];
  return explained(() => readApiKeys(texts.join(",")));
}

function originsOf(values: OptionValues): readonly string[] {
  return listOption(values, "cors").map((text) => {
    if (text === "*") return text;
    if (URL.canParse(text) && new URL(text).origin === text) return text;
    throw new UsageError(
      `--cors ${
        JSON.stringify(text)
      } is not allowed; give an origin such as https://example.com, or *`,
    );
  });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** What is wrong with a word of the command line is wrong usage. */
function explained<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(error.message);
  }
}

/** Without what is not given. */
function known<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}
