/** A mixture of experts in float64 by plain loops, its gate as DeepSeek-V2 (2405.04434, section 2.2) and V3 (2412.19437,
 * section 2.1.2) have it. */
import { best, product, type Row, sigmoid, softmax, sum, swiglu } from "./matrices.ts";

/** Sizes and choices of a mixture. */
export interface MixtureSizes {
  readonly experts: number;
  readonly used: number;
  readonly hidden: number;
  readonly shared: number;
  readonly isSigmoid: boolean;
  readonly groups: number;
  readonly groupsUsed: number;
  readonly isNormalized: boolean;
  readonly scale: number;
}

/** The experts of a token, ascending, and their weights. */
export interface TokenChoice {
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

/** The numbers of a tensor by the end of its name; undefined where the file has none. */
export type Weights = (part: string) => ArrayLike<number> | undefined;

/** What one normalized row x becomes, and where it went; `forced` names the experts instead of the gate. */
export function mixture(
  x: Row,
  sizes: MixtureSizes,
  weights: Weights,
  forced?: readonly number[],
): { out: Row; choice: TokenChoice } {
  const need = (part: string): ArrayLike<number> => {
    const found = weights(part);
    if (!found) throw new TypeError(`${part} is missing`);
    return found;
  };
  const bank = (kind: string) =>
    ["gate", "up", "down"].map((part) => need(`ffn_${part}_${kind}.weight`));
  const gate = product(x, need("ffn_gate_inp.weight"), sizes.experts);
  const choice = chosen(gate, sizes, weights("exp_probs_b.bias"), forced);
  let out: Row = new Float64Array(x.length);
  choice.experts.forEach((expert, i) => {
    const own = swiglu(x, sizes.hidden, bank("exps"), expert);
    out = sum(out, own.map((value) => value * choice.weights[i]));
  });
  if (sizes.shared > 0) out = sum(out, swiglu(x, sizes.shared * sizes.hidden, bank("shexp")));
  return { out, choice };
}

function chosen(
  gate: Row,
  sizes: MixtureSizes,
  bias?: ArrayLike<number>,
  forced?: readonly number[],
): TokenChoice {
  const { experts, used, groups, groupsUsed, isSigmoid, isNormalized, scale } = sizes;
  const scores = isSigmoid ? gate.map(sigmoid) : softmax(gate);
  const ranked = scores.map((score, expert) => score + (bias?.[expert] ?? 0));
  const size = experts / groups;
  const groupScores = Array.from({ length: groups }, (_, group) => {
    const members = ranked.slice(group * size, (group + 1) * size);
    const counted = best(members, isSigmoid ? 2 : 1);
    return counted.reduce((total, member) => total + members[member], 0);
  });
  const open = new Set(best(groupScores, groupsUsed));
  const limited = ranked.map((score, expert) =>
    open.has(Math.floor(expert / size)) ? score : -Infinity
  );
  const ids = forced ?? best(limited, used).sort((a, b) => a - b);
  const raw = ids.map((expert) => scores[expert]);
  const total = isNormalized ? raw.reduce((a, b) => a + b, 0) + 1e-20 : 1;
  return { experts: ids, weights: raw.map((weight) => weight / total * scale) };
}
