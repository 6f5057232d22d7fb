/** Reads the sizes of a mixture of experts and how its gate chooses. Knows no tensors and no scores. */
import { UnsupportedError } from "../../errors.ts";
import type { RoutingRule } from "../../ops.ts";
import { isSize, type KeyOf, type KeyValues } from "./key_values.ts";

/** Sizes of a mixture of experts and the rule of its gate. */
export interface MixtureConfig
  extends Pick<RoutingRule, "scoring" | "groups" | "groupsUsed" | "groupScore" | "normalize"> {
  /** E. */
  readonly experts: number;
  /** K, experts that a token uses. */
  readonly used: number;
  /** F, hidden size of one expert. */
  readonly hidden: number;
  /** Experts that every token uses besides; stored as one of `shared * hidden`. */
  readonly shared: number;
  /** Layers before the first mixture, whose feed-forward part is dense. */
  readonly denseLayers: number;
  /** Whether the choice needs a bias for each expert (DeepSeek-V3 2412.19437, section 2.1.2). */
  readonly needsBias: boolean;
  /** Factor on the weights, after normalization. */
  readonly scale: number;
}

/** What an architecture's files leave unsaid. */
interface Unsaid {
  /** Whether the weights of the chosen experts are divided by their sum. */
  readonly normalize: boolean;
  /** Hidden size of an expert. */
  hidden(key: KeyOf, values: KeyValues): number;
}

const expertHidden = (key: KeyOf, values: KeyValues) =>
  values.optionalCount(key("expert_feed_forward_length"));

/** Architectures whose feed-forward parts may be mixtures. */
const MIXTURES: Readonly<Record<string, Unsaid>> = {
  deepseek2: {
    normalize: false,
    hidden: (key, values) => values.count(key("expert_feed_forward_length")),
  },
  qwen3moe: {
    normalize: true,
    hidden: (key, values) =>
      expertHidden(key, values) ??
        Math.floor(
          values.count(key("feed_forward_length")) / values.count(key("expert_used_count")),
        ),
  },
  olmoe: {
    normalize: false,
    hidden: (key, values) => expertHidden(key, values) ?? values.count(key("feed_forward_length")),
  },
};

/** Gating functions by the numbers that files give them; 0 stands for none said. */
const SCORINGS: Readonly<Record<number, RoutingRule["scoring"]>> = {
  0: "softmax",
  1: "softmax",
  2: "sigmoid",
};
const OTHER_SCORINGS: Readonly<Record<number, string>> = {
  3: "softmax of the chosen experts' scores",
  4: "square root of softplus",
};

/**
 * The mixture of an architecture that has them; undefined for others and for models without experts.
 * @throws {UnsupportedError} naming a gating function that is not known
 */
export function readMixture(
  architecture: string,
  key: KeyOf,
  values: KeyValues,
): MixtureConfig | undefined {
  const unsaid = Object.hasOwn(MIXTURES, architecture) ? MIXTURES[architecture] : undefined;
  const experts = values.optionalCount(key("expert_count")) ?? 0;
  if (!unsaid || (experts === 0 && architecture === "deepseek2")) return undefined;
  const scoring = readScoring(values.optionalCount(key("expert_gating_func")) ?? 0);
  const groups = values.optionalCount(key("expert_group_count")) ?? 1;
  const scale = values.optionalNumber(key("expert_weights_scale")) ?? 0;
  return {
    experts,
    used: values.count(key("expert_used_count")),
    hidden: unsaid.hidden(key, values),
    shared: values.optionalCount(key("expert_shared_count")) ?? 0,
    denseLayers: values.optionalCount(key("leading_dense_block_count")) ?? 0,
    scoring,
    needsBias: scoring === "sigmoid",
    groups: Math.max(1, groups),
    groupsUsed: groups <= 1 ? 1 : values.count(key("expert_group_used_count")),
    // DeepSeek-V2 (2405.04434, section 2.2.2) takes a group's best, V3 (2412.19437, its published code) the two best.
    groupScore: scoring === "sigmoid" ? "top2" : "max",
    normalize: values.optionalBoolean(key("expert_weights_norm")) ?? unsaid.normalize,
    // Files without a factor say 0 or nothing.
    scale: scale === 0 ? 1 : scale,
  };
}

function readScoring(gating: number): RoutingRule["scoring"] {
  const scoring = SCORINGS[gating];
  if (scoring) return scoring;
  const name = OTHER_SCORINGS[gating] ?? `number ${gating}`;
  throw new UnsupportedError(`The gating function ${name} is not supported yet`, name);
}

/** What cannot be, as pairs of whether it is fine and what it is called. */
export function mixtureProblems(
  mixture: MixtureConfig | undefined,
  layers: number,
): [boolean, string][] {
  if (!mixture) return [];
  const { experts, used, hidden, shared, denseLayers, groups, groupsUsed, scale } = mixture;
  const groupSize = experts / groups;
  return [
    [isSize(experts), `${experts} experts`],
    [used >= 1 && used <= experts, `${used} of ${experts} experts a token`],
    [isSize(hidden), `experts of feed-forward size ${hidden}`],
    [shared >= 0 && (shared === 0 || isSize(shared * hidden)), `${shared} shared experts`],
    [denseLayers <= layers, `${denseLayers} dense of ${layers} layers`],
    [Number.isInteger(groupSize), `${experts} experts in ${groups} groups`],
    [groupsUsed >= 1 && groupsUsed <= groups, `${groupsUsed} of ${groups} groups a token`],
    [
      used <= groupsUsed * groupSize,
      `${used} experts a token out of ${groupsUsed} groups of ${groupSize}`,
    ],
    [
      groups === 1 || mixture.groupScore === "max" || groupSize >= 2,
      `groups of ${groupSize} expert whose two best are asked for`,
    ],
    [scale > 0 && Number.isFinite(scale), `routed weights scaled by ${scale}`],
  ];
}
