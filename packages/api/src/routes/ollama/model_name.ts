/** Finds the model that an Ollama name means: `:latest` is the tag of a name without one. Loads nothing. */
import type { Engine } from "../../engine/engine.ts";

const LATEST = ":latest";

/** The engine's name for `asked`; a name that nothing is known of is given back as it is. */
export function servedName(engine: Pick<Engine, "models">, asked: string): string {
  const names = new Set(engine.models().map(({ name }) => name));
  const forms = [asked, asked.endsWith(LATEST) ? asked.slice(0, -LATEST.length) : asked + LATEST];
  return forms.find((form) => names.has(form)) ?? asked;
}
