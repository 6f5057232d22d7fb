/** The options that every command which loads a model has, and the loading itself with its progress bar. Generates nothing. */
import type { LoadOptions, Model } from "@aha/runtime";
import { type CommandIo, type OptionSpec, type OptionValues, UsageError } from "./command.ts";
import { choiceOption, integerOption, sizeOption } from "./options.ts";
import { progressBar } from "./terminal/progress_bar.ts";

/** `--ctx`, `--threads`, `--memory`, `--kv-type`, `--backend` and what comes later. */
export const loadOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  ctx: { type: "string", value: "N", help: "most tokens of prompt and answer together" },
  threads: { type: "string", value: "N", help: "threads that share the work (default: the cores)" },
  memory: { type: "string", value: "SIZE", help: "most memory, such as 3GiB" },
  "kv-type": { type: "string", value: "T", help: "keys and values as auto, f32, f16 or q8_0" },
  backend: { type: "string", value: "B", help: "auto, wasm or webgpu" },
  lora: { type: "string", value: "FILE", help: "an adapter", notBuiltYet: true },
};

/** `--kv-type`. */
export function kvTypeOption(values: OptionValues): LoadOptions["kvType"] {
  return choiceOption(values, "kv-type", ["auto", "f32", "f16", "q8_0"]);
}

/** The load options that the command line gives. */
export function loadOptions(values: OptionValues): LoadOptions {
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
