/** Names of models that DeepSeek's clients have built in. Knows no other names. */
import type { Engine } from "../../engine/engine.ts";

const ALIASES: Readonly<Record<string, "on" | "off">> = {
  "deepseek-chat": "off",
  "deepseek-reasoner": "on",
};

/** The default model, thinking or not, for DeepSeek's two names where no model here has them. */
export function aliasOf(engine: Engine, name: string | null | undefined): {
  readonly model?: string;
  readonly think?: "on" | "off";
} {
  if (name === null || name === undefined) return {};
  return engine.find(name) || !Object.hasOwn(ALIASES, name)
    ? { model: name }
    : { think: ALIASES[name] };
}
