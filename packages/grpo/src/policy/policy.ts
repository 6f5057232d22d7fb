/** A model in training: what is trained of it, and the ops that it answers with. Trains nothing. */
import { adaptedOps, type Adapters, type AdapterValues, loadAdapters } from "@aha/runtime/lora";
import {
  type LanguageModel,
  ModelError,
  type Ops,
  type TrainableBackend,
  type TrainableModel,
  UnsupportedError,
} from "@aha/runtime/training";
import type { ParameterSet } from "../parameters/parameter_set.ts";
import { adapterParameters, fullParameters } from "../parameters/trained_parameters.ts";

/** A model with what is trained of it; free `parameters` and close `model` at the end. */
export interface Policy {
  readonly model: TrainableModel;
  readonly parameters: ParameterSet;
  /** Empty where all of the model is trained. */
  readonly adapters: Adapters;
  /** Their sizes, and the numbers that they began with. */
  readonly adapterValues: readonly AdapterValues[];
}

/** A forward pass over certain ops: a policy as it answers, or the model below its adapters. */
export interface Network {
  readonly model: LanguageModel;
  readonly backend: TrainableBackend;
  readonly ops: Ops;
}

/**
 * All of a model as a policy.
 * @throws {UnsupportedError} naming the first matrix that is not F32
 */
export function fullPolicy(model: TrainableModel): Policy {
  const parameters = fullParameters(model.backend, model.model, model.parameters);
  return { model, parameters, adapters: new Map(), adapterValues: [] };
}

/**
 * Adapters on a model, quantized or not, as a policy (LoRA, Hu et al. 2106.09685). `dropout` is the share of inputs that
 * training drops.
 * @throws {ModelError} naming an adapter's matrix that the model does not have
 * @throws {RangeError} for a dropout that is not from 0 to below 1
 * @throws {UnsupportedError} for dropout on routed experts
 */
export async function adapterPolicy(
  model: TrainableModel,
  adapterValues: readonly AdapterValues[],
  dropout = 0,
): Promise<Policy> {
  checkAdapters(model, adapterValues, dropout);
  const adapters = await loadAdapters(model.backend, adapterValues, dropout);
  const parameters = adapterParameters(model.backend, adapters);
  return { model, parameters, adapters, adapterValues };
}

function checkAdapters(
  { parameters }: TrainableModel,
  values: readonly AdapterValues[],
  dropout: number,
): void {
  if (!(dropout >= 0 && dropout < 1)) {
    throw new RangeError(`lora_dropout is ${dropout}, it must be from 0 to below 1`);
  }
  for (const { weight, experts } of values) {
    if (!parameters.has(weight)) {
      throw new ModelError(`The adapter is for another model: there is no matrix ${weight} here`);
    }
    if (dropout > 0 && experts !== undefined) {
      throw new UnsupportedError(
        `lora_dropout is ${dropout}, which adapters of routed experts (${weight}) do not have: set it to 0, or leave experts out of targets`,
        "lora_dropout",
      );
    }
  }
}

/** The policy as it answers now: rollouts, scores, old log-probabilities. */
export function policyNetwork(
  { model: { model, backend }, adapters }: Pick<Policy, "model" | "adapters">,
): Network {
  return { model, backend, ops: adapters.size > 0 ? adaptedOps(backend, adapters) : backend.ops };
}

/** The model below the adapters: the reference of their training, at no cost of memory. */
export function baseNetwork({ model: { model, backend } }: Policy): Network {
  return { model, backend, ops: backend.ops };
}
