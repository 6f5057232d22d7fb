/** Which completions are kept as traces, and for what the others are dropped (R1 2501.12948v2, Methods: cold start, rejection sampling). Samples nothing. */
import { judgeNano } from "../../tasks/mod.ts";

/** What a completion lacks. */
export type Fault = "no end or form" | "wrong answer" | "no thought" | "mixed language" | "known";

/** A completion of a nano task. */
export interface SampledTrace {
  readonly prompt: string;
  readonly completion: string;
  readonly isFinished: boolean;
}

/**
 * What speaks against a completion as a trace: it must end, have the form, be right, think (unless there is nothing to think
 * about) and keep to the language that is asked for in all of its digits. undefined: nothing.
 *
 * @example
 * ```ts
 * import { traceFault } from "@aha/grpo/recipes";
 *
 * const prompt = "<s> <en> CHAIN A 9 B 4 C 8 ?";
 * const fault = (completion: string) => traceFault({ prompt, completion, isFinished: true });
 * console.log(fault("<think> A 9 B 3 C 1 </think> <answer> 1 </answer>")); // undefined
 * console.log(fault("<think> A 9 B d C 1 </think> <answer> 1 </answer>")); // mixed language
 * ```
 */
export function traceFault({ prompt, completion, isFinished }: SampledTrace): Fault | undefined {
  const verdict = judgeNano(prompt, completion, isFinished);
  if (!verdict?.hasFormat) return "no end or form";
  if (!verdict.isRight) return "wrong answer";
  if (verdict.thoughtLength === 0 && !isGeneralPrompt(prompt)) return "no thought";
  return verdict.languageShare < 1 ? "mixed language" : undefined;
}

/** Whether nothing is to be thought. */
function isGeneralPrompt(prompt: string): boolean {
  return /\b(REV|COPY|SORT)\b/.test(prompt);
}

/** Filters completions, of equal ones the first, and counts what became of them. */
export class TraceFilter {
  readonly counts: Record<string, number> = { sampled: 0, kept: 0 };
  readonly #known = new Set<string>();

  /** Whether to keep a completion. */
  keeps(sample: SampledTrace): boolean {
    const key = `${sample.prompt}\n${sample.completion}`;
    const fault: Fault | undefined = traceFault(sample) ??
      (this.#known.has(key) ? "known" : undefined);
    this.#known.add(key);
    const what = fault ?? "kept";
    this.counts.sampled++;
    this.counts[what] = (this.counts[what] ?? 0) + 1;
    return fault === undefined;
  }
}
