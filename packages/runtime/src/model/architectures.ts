/** The table of architectures by the name that GGUF files give them. One line each; no sizes, no arithmetic. */
import { UnsupportedError } from "../errors.ts";
import type { Ops } from "../ops.ts";
import type { ModelConfig } from "./config.ts";
import type { LanguageModel, ParameterSource } from "./language_model.ts";
import { loadLlama } from "./llama.ts";

/** Makes a model out of its sizes and stored tensors. */
export type LoadArchitecture = (
  config: ModelConfig,
  source: ParameterSource,
  ops: Ops,
) => Promise<LanguageModel>;

const ARCHITECTURES: Readonly<Record<string, LoadArchitecture>> = {
  llama: loadLlama,
};

/** @throws {UnsupportedError} naming the architecture and those that are supported. */
export function findArchitecture(name: string): LoadArchitecture {
  const found = Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
  if (found) return found;
  const known = Object.keys(ARCHITECTURES).join(", ");
  throw new UnsupportedError(
    `The architecture ${name} is not supported yet (supported: ${known})`,
    name,
  );
}
