/** Gates: what ends a stage because nothing would come of it, with a message that says what happened. Trains nothing. */
import type { StepRecord } from "../../run/step_record.ts";
import { DEFAULT_LIMITS, Guards } from "../../trainer/guards.ts";

/** A stage that has ended for want of hope; what was saved stays. */
export class GateError extends Error {
  override readonly name = "GateError";
}

/** Steps whose mean is looked at. */
const WINDOW = 5;

/**
 * The signature of a collapse (nano study, sections 4 and 10): thoughts shorter than half of what they began with while no
 * fewer completions have the form. The base is right too seldom when it thinks, so the groups' advantage favours direct answers,
 * and thoughts do not come back.
 */
export class ThoughtGate {
  readonly #seen: { readonly thought: number; readonly format: number }[] = [];

  /** @throws {GateError} where thoughts have collapsed */
  look({ step, metrics }: Pick<StepRecord, "step" | "metrics">): void {
    const { "thought/mean_length": thought, "rewards/format/mean": format } = metrics;
    this.#seen.push({ thought, format });
    if (this.#seen.length < 2 * WINDOW) return;
    const [start, now] = [mean(this.#seen.slice(0, WINDOW)), mean(this.#seen.slice(-WINDOW))];
    if (now.thought >= start.thought / 2 || now.format < start.format) return;
    throw new GateError(
      `Thoughts have collapsed at step ${step}: ${now.thought.toFixed(1)} tokens, at the start ${
        start.thought.toFixed(1)
      }, while the format went from ${start.format.toFixed(2)} to ${
        now.format.toFixed(2)
      }. The base is right too seldom when it thinks: train it longer (pretrain.steps), or with more thoughts (pretrain.thoughtShare)`,
    );
  }
}

function mean(seen: readonly { readonly thought: number; readonly format: number }[]) {
  const over = (value: (one: (typeof seen)[number]) => number) =>
    seen.reduce((sum, one) => sum + value(one), 0) / seen.length;
  return { thought: over(({ thought }) => thought), format: over(({ format }) => format) };
}

/**
 * All gates of reinforcement learning, shown the steps before a checkpoint first: collapsing thoughts, divergence, groups
 * without variance, completions that are cut off.
 */
export function rlGates(
  earlier: readonly Pick<StepRecord, "step" | "metrics">[],
  onWarning: (text: string) => void,
): (record: StepRecord) => void {
  const thoughts = new ThoughtGate();
  const guards = new Guards(DEFAULT_LIMITS, onWarning);
  const look = (record: Pick<StepRecord, "step" | "metrics">) => {
    thoughts.look(record);
    guards.look({ ...record, totalSteps: 0, samples: [] });
  };
  earlier.forEach(look);
  return look;
}
