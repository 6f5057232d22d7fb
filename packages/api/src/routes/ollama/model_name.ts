/** Finds the model that an Ollama name means: `:latest` is the tag of a name without one. Loads nothing. */
import type { Engine } from "../../engine/engine.ts";

const LATEST = ":latest";

/** The engine's name for `asked`, maybe an alias; one that is not known is left as it is but for `:latest`. */
export function servedName(engine: Pick<Engine, "find">, asked: string): string {
  const plain = asked.endsWith(LATEST) ? asked.slice(0, -LATEST.length) : asked;
  const forms = [asked, plain, plain + LATEST];
  return forms.map((form) => engine.find(form)?.name).find((name) => name !== undefined) ?? plain;
}
