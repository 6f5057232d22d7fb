/** The adapters that training begins with (LoRA, Hu et al. 2106.09685). Loads and trains none. */
import { type AdapterValues, chooseTargets, type LoraSizes, scaleOf } from "@aha/runtime/lora";
import type { ModelConfig } from "@aha/runtime/training";

/** Adapters to begin with. */
export interface LoraOptions extends LoraSizes {
  /** Ends of modules' paths as in peft (`q_proj`), GGUF's names (`attn_q`), or `all-linear`. */
  readonly targets: readonly string[];
}

/**
 * Adapters that change nothing yet: B is zero, A uniform within 1 / sqrt(K), as peft begins (Kaiming's bound with a = sqrt 5).
 * `random` gives numbers from 0 to 1.
 * @throws {RangeError} for a rank that is no whole number of at least 1, an alpha that is not positive, a target that the
 *   model does not have
 * @throws {UnsupportedError} for a target that cannot be adapted in the form that the model is loaded in
 */
export function newAdapters(
  model: ModelConfig,
  options: LoraOptions,
  random: () => number,
): AdapterValues[] {
  const { rank, alpha, targets } = options;
  if (!(Number.isInteger(rank) && rank >= 1)) {
    throw new RangeError(`rank is ${rank}, it must be a whole number of at least 1`);
  }
  if (!(alpha > 0 && Number.isFinite(alpha))) {
    throw new RangeError(`alpha is ${alpha}, it must be a positive number`);
  }
  if (targets.length === 0) throw new RangeError("targets is empty, it must name a matrix");
  const scale = scaleOf(options);
  return chooseTargets(model, targets).map(({ weight, rows, cols, experts }) => {
    const bound = 1 / Math.sqrt(cols);
    const count = experts ?? 1;
    const a = Float32Array.from({ length: count * rank * cols }, () => (2 * random() - 1) * bound);
    const b = new Float32Array(count * rows * rank);
    return { weight, rows, cols, rank, scale, a, b, ...(experts ? { experts } : {}) };
  });
}
