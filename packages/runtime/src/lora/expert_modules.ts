/** Adapters of routed experts in folders where each expert is a module of its own: stacked to one pair a bank. Merges nothing. */
import { ModelError } from "../errors.ts";
import type { AdapterValues } from "./adapter.ts";
import { expectSizes, type PeftConfig, scaleOf } from "./peft_config.ts";
import type { ModulePair } from "./peft_weights.ts";
import type { Target } from "./targets.ts";

/** As models before transformers 5 have them: `model.layers.3.mlp.experts.17.gate_proj`. */
const MODULE = /^(model\.layers\.\d+\.mlp\.experts)\.(\d+)\.(gate_proj|up_proj|down_proj)$/;

/** The pair of one expert. */
export interface ExpertPair extends ModulePair {
  readonly expert: number;
}

/** A folder's pairs: those of single experts by the module that all experts of a layer are, and the rest. */
export function expertModules(pairs: readonly ModulePair[]): {
  readonly ofExperts: ReadonlyMap<string, readonly ExpertPair[]>;
  readonly others: readonly ModulePair[];
} {
  const ofExperts = new Map<string, ExpertPair[]>();
  const others = pairs.filter((pair) => {
    const [, layer, expert, part] = MODULE.exec(pair.module) ?? [];
    if (layer === undefined) return true;
    const bank = `${layer}.${part}`;
    ofExperts.set(bank, [...ofExperts.get(bank) ?? [], { ...pair, expert: Number(expert) }]);
    return false;
  });
  return { ofExperts, others };
}

/**
 * One adapter a bank. Experts without a pair change nothing; those of lower rank than others are filled up with zeros, and
 * a scale of their own is multiplied into B. `fits` gives the bank that a pair belongs to.
 * @throws {ModelError} naming the first module that does not fit
 */
export function stackedAdapters(
  ofExperts: ReadonlyMap<string, readonly ExpertPair[]>,
  peft: PeftConfig,
  fits: (pair: ModulePair, module: string) => Target,
): AdapterValues[] {
  return [...ofExperts].map(([bank, pairs]) => {
    const [{ weight, rows, cols, experts = 0 }] = pairs.map((pair) => fits(pair, bank));
    const scales = pairs.map(({ module, a }) => scaleOf(expectSizes(peft, module, a.rows)));
    const rank = Math.max(...pairs.map(({ a }) => a.rows));
    const a = new Float32Array(experts * rank * cols);
    const b = new Float32Array(experts * rows * rank);
    for (const [i, pair] of pairs.entries()) {
      if (pair.expert >= experts) {
        throw new ModelError(
          `The adapter is for another model: it has ${pair.module}, this model ${experts} experts`,
        );
      }
      a.set(pair.a.values, pair.expert * rank * cols);
      const factor = scales[i] / scales[0];
      for (let row = 0; row < rows; row++) {
        for (let r = 0; r < pair.a.rows; r++) {
          const value = pair.b.values[row * pair.a.rows + r];
          b[(pair.expert * rows + row) * rank + r] = factor === 1 ? value : value * factor;
        }
      }
    }
    return { weight, rows, cols, rank, scale: scales[0], experts, a, b };
  });
}
