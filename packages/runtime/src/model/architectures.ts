/** The table of architectures by the name that GGUF files give them. One line each; no sizes, no arithmetic. */
import { UnsupportedError } from "../errors.ts";
import { loadDeepseek2 } from "./deepseek2.ts";
import type { LoadArchitecture } from "./language_model.ts";
import { loadLlama } from "./llama.ts";
import { loadOlmoe } from "./olmoe.ts";
import { loadQwen2 } from "./qwen2.ts";
import { loadQwen3 } from "./qwen3.ts";
import { loadQwen3Moe } from "./qwen3moe.ts";

const ARCHITECTURES: Readonly<Record<string, LoadArchitecture>> = {
  llama: loadLlama,
  qwen2: loadQwen2,
  qwen3: loadQwen3,
  qwen3moe: loadQwen3Moe,
  olmoe: loadOlmoe,
  deepseek2: loadDeepseek2,
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
