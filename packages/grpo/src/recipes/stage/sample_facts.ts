/** What a step's completions tell besides rewards: thoughts, accuracy by task, language, reflection. Trains nothing. */
import type { Sample, StepRecord } from "../../run/step_record.ts";
import { judgeNano } from "../../tasks/mod.ts";
import type { NanoVerdict } from "../../tasks/nano/judge.ts";
import { readPrompt } from "../../tasks/nano/prompt.ts";
import { readWords } from "../../tasks/nano/vocabulary.ts";

/** Prompts of which one completion is kept to be read. */
const KEPT_PROMPTS = 6;
/** Completions that turn on themselves that are kept besides. */
const KEPT_REFLECTIONS = 2;

/**
 * Adds `thought/mean_length`, `thought/language`, `thought/reflection` (share that turns on itself) and `accuracy/TASK` to a
 * step of the nano tasks, and keeps some of its samples.
 */
export function withSampleFacts(record: StepRecord, group: number): StepRecord {
  const judged = record.samples.flatMap((sample) => {
    const verdict = verdictOf(sample);
    return verdict ? [{ sample, verdict, task: taskOf(sample) }] : [];
  });
  const reasoning = judged.filter(({ task }) => task !== "GENERAL");
  const turning = judged.filter(({ verdict }) => verdict.reflections > 0 && verdict.isRight);
  const kept = record.samples.filter((_, at) => at % group === 0).slice(0, KEPT_PROMPTS);
  const reflecting = turning.map(({ sample }) => sample).filter((one) => !kept.includes(one));
  const byTask = Map.groupBy(judged, ({ task }) => task);
  const metrics = {
    ...record.metrics,
    ...meanOf("thought/mean_length", reasoning, ({ verdict }) => verdict.thoughtLength),
    ...meanOf("thought/language", reasoning, ({ verdict }) => verdict.languageShare),
    ...meanOf("thought/reflection", reasoning, ({ verdict }) => Number(verdict.reflections > 0)),
    ...Object.assign(
      {},
      ...[...byTask].toSorted(([a], [b]) => a < b ? -1 : 1).map(([task, own]) =>
        meanOf(`accuracy/${task}`, own, ({ verdict }) => Number(verdict.isRight))
      ),
    ),
  };
  return { ...record, metrics, samples: [...kept, ...reflecting.slice(0, KEPT_REFLECTIONS)] };
}

interface Judged {
  readonly sample: Sample;
  readonly verdict: NanoVerdict;
  readonly task: string;
}

function verdictOf({ prompt, completion, isFinished }: Sample): NanoVerdict | null {
  return judgeNano(prompt, completion, isFinished);
}

function taskOf({ prompt }: Sample): string {
  return readPrompt(readWords(prompt))?.task ?? "";
}

function meanOf(
  name: string,
  judged: readonly Judged[],
  value: (one: Judged) => number,
): Record<string, number> {
  if (judged.length === 0) return {};
  return { [name]: judged.reduce((sum, one) => sum + value(one), 0) / judged.length };
}
