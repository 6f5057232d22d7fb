/** Clipping by the norm of all gradients together (Pascanu et al. 1211.5063). Changes no gradient: gives the factor. */
import type { GradOps } from "@aha/runtime/training";
import type { ParameterSet } from "../parameters/parameter_set.ts";

/** Added to the norm, as in torch.nn.utils.clip_grad_norm_. */
const NORM_EPSILON = 1e-6;

/** The norm of all gradients as one vector, each tensor's squares summed in float64. */
export function gradientNorm(grad: GradOps, parameters: ParameterSet): number {
  parameters.settle();
  let squares = 0;
  for (const { gradient } of parameters.all) squares += grad.squaredNorm(gradient);
  return Math.sqrt(squares);
}

/**
 * What gradients of that norm are multiplied by, so that it is at most `maxNorm`; 0 and Infinity clip nothing.
 * @throws {RangeError} if `maxNorm` is negative or no number
 */
export function clipFactor(norm: number, maxNorm: number): number {
  if (!(maxNorm >= 0)) {
    throw new RangeError(`The largest norm is ${maxNorm}, it must be at least 0`);
  }
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + NORM_EPSILON));
}
