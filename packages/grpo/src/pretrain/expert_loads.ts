/** How many tokens went to which expert in a step, and the biases that even it out. Routes nothing. */
import {
  ModelError,
  type NamedParameters,
  type Tensor,
  type TrainableModel,
} from "@aha/runtime/training";
import { updatedRouterBias } from "../optim/router_bias.ts";

/** Tokens by expert `[E]`, by layer. */
export type ExpertLoads = ReadonlyMap<number, Float64Array>;

/** Loads far from the mean, over all layers: 1 and 1 where all experts have the same. */
export interface LoadSpread {
  /** Of the busiest expert, as a multiple of its layer's mean. */
  readonly most: number;
  readonly least: number;
}

/** Counts the choices `[rows, K]` of a layer. */
export function addLoads(
  loads: Map<number, Float64Array>,
  layer: number,
  choices: Int32Array,
  experts: number,
): void {
  const own = loads.get(layer) ?? new Float64Array(experts);
  for (const id of choices) own[id]++;
  loads.set(layer, own);
}

/** The spread of loads; undefined for a model without mixtures. */
export function loadSpread(loads: ExpertLoads): LoadSpread | undefined {
  if (loads.size === 0) return undefined;
  const shares = [...loads.values()].flatMap((own) => {
    const mean = own.reduce((sum, count) => sum + count, 0) / own.length;
    return Array.from(own, (count) => count / mean);
  });
  return { most: Math.max(...shares), least: Math.min(...shares) };
}

/** The biases of all routers by name. */
export function routerBiases({ parameters }: Pick<TrainableModel, "parameters">): NamedParameters {
  return new Map([...parameters].filter(([name]) => name.endsWith(".exp_probs_b.bias")));
}

/**
 * Moves the bias of each layer's router against its load by `speed` (DeepSeek-V3 2412.19437, section 2.1.2); call it after a
 * step with the loads of all of it.
 * @throws {ModelError} for a router without a bias
 */
export async function moveRouterBiases(
  { backend: { grad }, parameters }: TrainableModel,
  loads: ExpertLoads,
  speed: number,
): Promise<void> {
  for (const [layer, tokens] of loads) {
    const name = `blk.${layer}.exp_probs_b.bias`;
    const bias = parameters.get(name) as Tensor | undefined;
    if (!bias) throw new ModelError(`The router of layer ${layer} has no ${name} to balance it by`);
    const before = await grad.readParameter(bias);
    grad.writeParameter(bias, updatedRouterBias(before, tokens, speed));
  }
}
