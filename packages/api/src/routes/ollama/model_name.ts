/** Finds the model that an Ollama name means: `:latest` is the tag of a name without one. Loads nothing. */
import type { Engine } from "../../engine/engine.ts";

const LATEST = ":latest";

/** The engine's name for `asked`; one that is not listed, maybe an alias, is left as it is but for `:latest`. */
export function servedName(engine: Pick<Engine, "models">, asked: string): string {
  const names = new Set(engine.models().map(({ name }) => name));
  const plain = asked.endsWith(LATEST) ? asked.slice(0, -LATEST.length) : asked;
  return [asked, plain, plain + LATEST].find((form) => names.has(form)) ?? plain;
}
