/** One step of AdamW in float64 as torch.optim.AdamW has it. */
import type { GradOps } from "../../../packages/runtime/src/backend/grad_ops.ts";
import { valuesOf } from "./values.ts";

/** Decay first, then moments with bias correction, epsilon outside the root. */
export const adamW: GradOps["adamW"] = (parameter, gradient, first, second, options) => {
  const { learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale } = options;
  const [p, g, m, v] = [parameter, gradient, first, second].map(valuesOf);
  const [correction1, correction2] = [1 - beta1 ** step, 1 - beta2 ** step];
  for (let i = 0; i < p.length; i++) {
    const slope = g[i] * gradientScale;
    m[i] = beta1 * m[i] + (1 - beta1) * slope;
    v[i] = beta2 * v[i] + (1 - beta2) * slope ** 2;
    p[i] -= learningRate * weightDecay * p[i];
    p[i] -= learningRate * (m[i] / correction1) / (Math.sqrt(v[i] / correction2) + epsilon);
  }
};
