/** A model file's tensors, taken down by name while an architecture loads them. Loads nothing itself. */
import type { ParameterSource } from "../model/language_model.ts";
import type { Tensor, Weight } from "../tensor.ts";

/** All matrices and vectors of a model by GGUF's names, in the order in which they were loaded. */
export type NamedParameters = ReadonlyMap<string, Weight | Tensor>;

/** The source to load a model from, and what has been loaded from it. */
export interface RecordedSource {
  readonly source: ParameterSource;
  readonly parameters: NamedParameters;
}

/** Watches a source. */
export function recordedSource(below: ParameterSource): RecordedSource {
  const parameters = new Map<string, Weight | Tensor>();
  const noted = async <T extends Weight | Tensor>(name: string, loading: Promise<T>) => {
    const loaded = await loading;
    parameters.set(name, loaded);
    return loaded;
  };
  return {
    parameters,
    source: {
      has: (name) => below.has(name),
      matrix: (name, rows, cols) => noted(name, below.matrix(name, rows, cols)),
      vector: (name, size) => noted(name, below.vector(name, size)),
      bank: (name, parts, rows, cols) => noted(name, below.bank(name, parts, rows, cols)),
      values: (name, dims) => below.values(name, dims),
      made: (name, values, parts, rows, cols) =>
        noted(name, below.made(name, values, parts, rows, cols)),
    },
  };
}
