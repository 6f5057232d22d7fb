/** Models with each of their adapters as entries of their own, as lists of models have them. Asks no model. */
import type { ModelEntry } from "../engine/engine.ts";

/** Each model, and after it one entry for each of its adapters: `MODEL:ADAPTER`. */
export function withAdapterEntries(entries: readonly ModelEntry[]): ModelEntry[] {
  return entries.flatMap((entry) => [
    entry,
    ...entry.adapters?.map(({ name }) => ({
      ...entry,
      name: `${entry.name}:${name}`,
      adapter: name,
    })) ?? [],
  ]);
}

/** The name of the model that an adapter's entry is of. */
export function parentOf({ name, adapter }: ModelEntry): string | undefined {
  return adapter === undefined ? undefined : name.slice(0, -adapter.length - 1);
}
