/** The feed-forward part as a mixture of experts (DeepSeekMoE 2401.06066; V3 2412.19437, section 2.1.2), loading and forward. Computes nothing itself. */
import { ModelError } from "../../errors.ts";
import type { RoutingRule } from "../../ops.ts";
import type { ExpertBank, Tensor } from "../../tensor.ts";
import type { MixtureConfig } from "../config/mixture_config.ts";
import type { Layer } from "../language_model.ts";
import type { LoadLayer, Place } from "../block.ts";
import { denseFeedForward, loadSwiGlu } from "./feed_forward.ts";

/** A mixture in the layers that have one, a dense part in those before and in models without. */
export const mixtureFeedForward: LoadLayer = async (place) => {
  const { mixture } = place.config;
  if (!mixture || place.layer < mixture.denseLayers) return await denseFeedForward(place);
  return await loadMixture(place, mixture);
};

async function loadMixture(place: Place, mixture: MixtureConfig): Promise<Layer> {
  const { source, name, config: { width } } = place;
  const { experts, hidden, shared } = mixture;
  const gate = await source.matrix(`${name}.ffn_gate_inp.weight`, experts, width);
  const bias = await loadBias(place, mixture);
  const stacked = (part: string, rows: number, cols: number) =>
    source.bank(`${name}.ffn_${part}_exps.weight`, experts, rows, cols);
  const bank: ExpertBank = {
    experts,
    gate: await stacked("gate", hidden, width),
    up: await stacked("up", hidden, width),
    down: await stacked("down", width, hidden),
  };
  const everywhere = shared === 0
    ? undefined
    : await loadSwiGlu(place, (part) => `ffn_${part}_shexp`, shared * hidden);
  const { layer } = place;
  const rule: RoutingRule = { ...ruleOf(mixture), layer, bias };
  return (pass, x) => {
    const { ops, trace } = pass;
    const forced = trace?.forcedExperts?.(layer);
    const routing = ops.route(x, gate, forced ? { ...rule, forced } : rule);
    trace?.routing?.(layer, routing);
    const routed = ops.experts(x, routing, bank);
    return everywhere ? ops.add(routed, everywhere(pass, x)) : routed;
  };
}

function ruleOf(mixture: MixtureConfig): Omit<RoutingRule, "layer"> {
  const { used, scoring, groups, groupsUsed, groupScore, normalize, scale } = mixture;
  return { used, scoring, groups, groupsUsed, groupScore, normalize, scale };
}

/** The bias of V3's balancing without an auxiliary loss; a file without it would choose other experts. */
async function loadBias(
  { source, name }: Place,
  { needsBias, experts }: MixtureConfig,
): Promise<Tensor | undefined> {
  const tensor = `${name}.exp_probs_b.bias`;
  if (source.has(tensor)) return await source.vector(tensor, experts);
  if (!needsBias) return undefined;
  throw new ModelError(`Tensor ${tensor} is missing, the model's sigmoid gate needs it`);
}
