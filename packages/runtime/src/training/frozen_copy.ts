/** A copy of a model's parameters that training does not change: what a policy is held against. Copies, trains nothing. */
import { ModelError } from "../errors.ts";
import type { GradOps } from "../backend/grad_ops.ts";
import { findArchitecture } from "../model/architectures.ts";
import type { LanguageModel, ParameterSource } from "../model/language_model.ts";
import type { Tensor, Weight } from "../tensor.ts";
import { type NamedParameters, recordedSource } from "./recorded_source.ts";
import type { TrainableModel } from "./trainable_model.ts";

/** A second model on the same backend; its memory is given back when the backend is closed. */
export interface FrozenCopy {
  readonly model: LanguageModel;
  readonly parameters: NamedParameters;
  /** Takes over the numbers that the original has now. */
  refresh(): Promise<void>;
}

/**
 * Copies a model whose matrices are F32, as they are where all of a model is trained. Takes as much memory as its weights.
 * @throws {UnsupportedError} naming a matrix that is not F32
 */
export async function frozenCopy(original: TrainableModel): Promise<FrozenCopy> {
  const { backend: { grad, ops }, model: { config }, parameters } = original;
  const { source, parameters: copied } = recordedSource(copySource(grad, parameters));
  const model = await findArchitecture(config.architecture)(config, source, ops);
  const refresh = async () => {
    for (const [name, parameter] of copied) {
      grad.writeParameter(parameter, await grad.readParameter(found(parameters, name)));
    }
  };
  await refresh();
  return { model, parameters: copied, refresh };
}

function copySource(grad: GradOps, from: NamedParameters): ParameterSource {
  const bank = async (name: string, parts: number, rows: number, cols: number) =>
    grad.createWeight(name, parts * rows, cols, await grad.readParameter(found(from, name)), parts);
  return {
    has: (name) => from.has(name),
    matrix: (name, rows, cols) => bank(name, 1, rows, cols),
    bank,
    made: (name, _values, parts, rows, cols) => bank(name, parts, rows, cols),
    vector: async (name) => grad.createVector(await grad.readParameter(found(from, name))),
    values: (name) => grad.readParameter(found(from, name)),
  };
}

function found(parameters: NamedParameters, name: string): Weight | Tensor {
  const parameter = parameters.get(name);
  if (!parameter) throw new ModelError(`Parameter ${name} is missing from the model to be copied`);
  return parameter;
}
