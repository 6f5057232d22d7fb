/** The dense feed-forward part, SwiGLU (Shazeer 2002.05202), loading and forward. Computes nothing itself. */
import type { Layer } from "../language_model.ts";
import type { LoadLayer, Place } from "../block.ts";

/** The feed-forward part of a dense block. */
export const denseFeedForward: LoadLayer = (place) =>
  loadSwiGlu(place, (part) => `ffn_${part}`, place.config.hidden);

/** down(silu(gate x) * up x) with `hidden` units between; `tensor` names the three matrices. */
export async function loadSwiGlu(
  { config, source, name }: Place,
  tensor: (part: "gate" | "up" | "down") => string,
  hidden: number,
): Promise<Layer> {
  const { width } = config;
  const gate = await source.matrix(`${name}.${tensor("gate")}.weight`, hidden, width);
  const up = await source.matrix(`${name}.${tensor("up")}.weight`, hidden, width);
  const down = await source.matrix(`${name}.${tensor("down")}.weight`, width, hidden);
  return ({ ops }, x) => {
    const [gated, raised] = ops.linears(x, [gate, up]);
    return ops.linear(ops.swiglu(gated, raised), down);
  };
}
