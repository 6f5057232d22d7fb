/** The options that every command which loads a model has, and the loading itself with its progress bar. Generates nothing. */
import type { AdapterChoice, LoadOptions, LoraSource, Model } from "@aha/runtime";
import { readLoraText } from "@aha/runtime/lora";
import { type CommandIo, type OptionSpec, type OptionValues, UsageError } from "./command.ts";
import { choiceOption, integerOption, listOption, sizeOption, stringOption } from "./options.ts";
import { progressBar } from "./terminal/progress_bar.ts";

/** `--ctx`, `--threads`, `--memory`, `--kv-type`, `--backend`, `--lora`. */
export const loadOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  ctx: { type: "string", value: "N", help: "most tokens of prompt and answer together" },
  threads: { type: "string", value: "N", help: "threads that share the work (default: the cores)" },
  memory: { type: "string", value: "SIZE", help: "most memory, such as 3GiB" },
  "kv-type": { type: "string", value: "T", help: "keys and values as auto, f32, f16 or q8_0" },
  backend: { type: "string", value: "B", help: "auto, wasm or webgpu" },
  lora: {
    ...{ type: "string", value: "[NAME=]FILE[:SCALE]", multiple: true },
    help: "a low-rank adapter: a GGUF file or peft's folder, with a factor on what it adds",
  },
};

/** `--kv-type`. */
export function kvTypeOption(values: OptionValues): LoadOptions["kvType"] {
  return choiceOption(values, "kv-type", ["auto", "f32", "f16", "q8_0"]);
}

/** The load options that the command line gives, but for `--lora`: a server's are chosen by its requests. */
export function plainLoadOptions(values: OptionValues): Omit<LoadOptions, "lora"> {
  if (choiceOption(values, "backend", ["auto", "wasm", "webgpu"]) === "webgpu") {
    throw new UsageError("--backend webgpu is not built yet");
  }
  return {
    contextTokens: integerOption(values, "ctx", { min: 1 }),
    threads: integerOption(values, "threads", { min: 1 }),
    memoryBytes: sizeOption(values, "memory"),
    kvType: kvTypeOption(values),
  };
}

/** The load options that the command line gives. All adapters apply, unless `--adapter` chooses among them. */
export function loadOptions(values: OptionValues): LoadOptions {
  const lora = listOption(values, "lora").map((text) => ({ ...loraText(text), isDefault: true }));
  const names = lora.map(({ name }) => name);
  const twice = names.find((name, i) => name !== undefined && names.indexOf(name) < i);
  if (twice !== undefined) throw new UsageError(`two adapters of --lora are called ${twice}`);
  const multiToken = stringOption(values, "speculate") === "mtp";
  return {
    ...plainLoadOptions(values),
    ...(lora.length > 0 ? { lora } : {}),
    ...(multiToken ? { multiToken } : {}), // else where it pays
  };
}

/** A value of `--lora`; throws a `UsageError` where it names no file. */
export function loraText(text: string): LoraSource & { readonly from: string } {
  try {
    return readLoraText(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--lora ${JSON.stringify(text)} is not allowed; give [NAME=]FILE[:SCALE]`);
  }
}

/** `--adapter`, of `run`, `chat` and `score`. */
export const adapterOptionSpec: OptionSpec = {
  type: "string",
  value: "NAME,...|none",
  help: "which of the adapters of --lora apply (default: all)",
};

/** `--adapter` as the library has it. */
export function adapterOption(values: OptionValues): AdapterChoice | undefined {
  const text = stringOption(values, "adapter");
  if (text === undefined) return undefined;
  return text === "none" ? null : text.split(",").map((name) => ({ name: name.trim() }));
}

/**
 * Says before anything is asked of the model that it has no such adapter; `usage` is how the user has named the option.
 * @throws {UsageError}
 */
export function expectAdapters(
  { adapters }: Pick<Model, "adapters">,
  values: OptionValues,
  usage = "--adapter",
): void {
  const chosen = adapterOption(values);
  if (!Array.isArray(chosen)) return;
  const known = adapters.map(({ name }) => name);
  for (const [i, { name }] of chosen.entries()) {
    const isTwice = chosen.findIndex((other) => other.name === name) < i;
    if (known.includes(name) && !isTwice) continue;
    const names = known.length > 0 ? `${known.join(", ")} or none` : "none: there is no --lora";
    throw new UsageError(
      `${usage} ${JSON.stringify(stringOption(values, "adapter"))} is not allowed; give ${names}`,
    );
  }
}

/** What a bar calls the phases of loading. */
export const PHASES = { download: "Downloading", unpack: "Unpacking", load: "Loading" } as const;

/** Loads the model while a bar tells how far it is. */
export async function loadWithBar(
  model: string,
  options: LoadOptions,
  io: CommandIo,
): Promise<Model> {
  const { loadModel } = await import("@aha/runtime");
  const bar = progressBar(io);
  try {
    return await loadModel(model, {
      ...options,
      signal: io.signal,
      onProgress: ({ phase, doneBytes, totalBytes }) =>
        bar.update(PHASES[phase], doneBytes, totalBytes),
    });
  } finally {
    bar.stop();
  }
}
