/** `Ops.route` on wasm after the gate's product: lays out the rule for the core. Holds no arithmetic. */
import type { Routing, RoutingRule } from "../../../ops.ts";
import type { Tensor } from "../../../tensor.ts";
import type { Arena } from "../arena.ts";
import type { CoreExports } from "../core.ts";
import type { WasmMemory } from "../memory.ts";
import { addressOf, wasmTensor } from "../storage.ts";

/** The core's address for a missing bias or missing ids. */
const NONE = 0;

/** Experts and weights of each row of logits `[rows, E]`; they stay in the arena, the ids that are forced too. */
export function routeRows(
  core: CoreExports,
  memory: WasmMemory,
  arena: Arena,
  logits: Tensor,
  rule: RoutingRule,
): Routing {
  const [rows, expertCount] = logits.shape;
  const { used, bias, groups, groupsUsed, forced } = rule;
  const experts = wasmTensor("i32", [rows, used], arena.allocate(4 * rows * used));
  const weights = wasmTensor("f32", [rows, used], arena.allocate(4 * rows * used));
  if (bias && bias.shape[0] !== expertCount) {
    throw new RangeError(`route: a bias of ${bias.shape[0]} elements, expected ${expertCount}`);
  }
  if (forced && forced.length !== rows * used) {
    throw new RangeError(`route: ${forced.length} forced ids, expected ${rows * used}`);
  }
  const forcedAt = forced ? arena.allocate(4 * forced.length) : NONE;
  if (forced) memory.writeI32(forcedAt, forced);
  // deno-fmt-ignore
  const status = core.route(
    addressOf(logits), bias ? addressOf(bias) : NONE, forcedAt,
    addressOf(experts), addressOf(weights), rows, expertCount, used,
    Number(rule.scoring === "sigmoid"), groups, groupsUsed,
    Number(rule.groupScore === "top2"), Number(rule.normalize), rule.scale,
  );
  if (status !== 0) {
    throw new RangeError(
      `The core refused route: ${used} of ${expertCount} experts in ${groupsUsed} of ${groups} groups, status ${status}`,
    );
  }
  return { rows, used, expertCount, experts, weights };
}
