/** One forward pass of rollouts: a token of each completion, parts of prompts, and a draw for each completion. Plans nothing. */
import type { Batch, Segment } from "../../batch.ts";
import type { KvCache } from "../../kv_cache.ts";
import type { LanguageModel } from "../../model/language_model.ts";
import type { Drawn, Ops, RowDraws } from "../../ops.ts";
import type { Tensor } from "../../tensor.ts";
import type { StemPart } from "./prompt_stems.ts";
import type { RunningRollout } from "./running_rollout.ts";

/** Logits that stand in memory at a time. */
const LOGITS_BYTES = 16 << 20;
/** Words of `RowDraws.keys` for a row. */
const KEY_WORDS = 4;

/** What is drawn alike for all. */
export type RolloutDraw = Omit<RowDraws, "keys" | "forced">;

/** What a step runs on. */
export interface StepContext {
  readonly model: LanguageModel;
  readonly ops: Ops;
  readonly cache: KvCache;
  readonly draw: RolloutDraw;
}

/** Feeds the newest token of each completion, and the parts; draws the next token of each completion and adds it. */
export async function step(
  context: StepContext,
  running: readonly RunningRollout[],
  parts: readonly StemPart[],
): Promise<void> {
  const drawn = enqueue(context, running, parts);
  let row = 0;
  for (const { ids, logprobs } of await Promise.all(drawn)) {
    for (let i = 0; i < ids.length; i++) running[row++].push(ids[i], logprobs[i]);
  }
}

/** The scope closes before anything is awaited. */
function enqueue(
  { model, ops, cache, draw }: StepContext,
  running: readonly RunningRollout[],
  parts: readonly StemPart[],
): Promise<Drawn>[] {
  using _step = ops.scope();
  const { batch, ids } = layOut(cache, running, parts);
  const hidden = model.forward(ops, ids, batch, cache);
  const count = running.length;
  const states = parts.length === 0 ? hidden : ops.selectRows(hidden, rowsBetween(0, count));
  const atOnce = Math.max(1, Math.floor(LOGITS_BYTES / (4 * model.config.vocabulary)));
  const drawn: Promise<Drawn>[] = [];
  for (let start = 0; start < count; start += atOnce) {
    const end = Math.min(count, start + atOnce);
    using _part = ops.scope();
    const own: Tensor = end - start === count
      ? states
      : ops.selectRows(states, rowsBetween(start, end));
    const rows = drawsOf(running.slice(start, end));
    drawn.push(ops.drawRows(ops.linear(own, model.head), { ...draw, ...rows }));
  }
  return drawn;
}

/** Completions first, a row each. */
function layOut(
  cache: KvCache,
  running: readonly RunningRollout[],
  parts: readonly StemPart[],
): { batch: Batch; ids: Int32Array } {
  const rows = parts.reduce((sum, { ids }) => sum + ids.length, running.length);
  const ids = new Int32Array(rows);
  const segments: Segment[] = [];
  running.forEach((one, start) => {
    const { sequence } = one.place;
    ids[start] = one.newest;
    segments.push({ sequence, start, length: 1, firstPosition: sequence.length });
    cache.extend(sequence, 1);
  });
  let start = running.length;
  for (const { sequence, ids: own, firstPosition } of parts) {
    ids.set(own, start);
    segments.push({ sequence, start, length: own.length, firstPosition });
    start += own.length;
  }
  return { batch: { rows, segments }, ids };
}

function drawsOf(running: readonly RunningRollout[]): Pick<RowDraws, "keys" | "forced"> {
  const keys = new Uint32Array(KEY_WORDS * running.length);
  const forced = new Int32Array(running.length);
  running.forEach((one, row) => {
    const { seed: [low, high], choice, position = 0 } = one.place.seed;
    keys[KEY_WORDS * row] = low;
    keys[KEY_WORDS * row + 1] = high;
    keys[KEY_WORDS * row + 2] = choice;
    keys[KEY_WORDS * row + 3] = position + one.length;
    forced[row] = one.nextForced();
  });
  return { keys, forced };
}

function rowsBetween(start: number, end: number): Int32Array {
  return Int32Array.from({ length: end - start }, (_, i) => start + i);
}
