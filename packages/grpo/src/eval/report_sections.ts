/** An evaluation as parts of a report: the table, accuracy against thinking budget, votes, completions. Computes no measure. */
import type { CurvePoint, CurveSection, Section, TableSection } from "../report/sections.ts";
import type { Estimate } from "./estimate.ts";
import type { EvalReport, EvalSection } from "./report.ts";

/** The sections of a page about an evaluation, for `htmlReport`. */
export function evalSections(report: EvalReport): Section[] {
  const { sections } = report;
  const tasks = sections.filter(({ level }) => level === null);
  const hasBudgets = sections[0].budgets.length > 1;
  return [
    table(report),
    ...(hasBudgets
      ? [
        curve("Accuracy against thinking budget", "tokens", tasks, ({ budgets }) =>
          budgets.map(({ thinkingBudget, ...one }) =>
            point(thinkingBudget, one)
          )),
      ]
      : []),
    ...(report.samples > 1
      ? [
        curve("Accuracy of the majority", "votes", tasks, ({ measures }) =>
          measures.consensusAt.map(({ k, ...one }) =>
            point(k, one)
          )),
        curve("One right among k", "samples", tasks, ({ measures }) =>
          measures.passAt.map(({ k, ...one }) =>
            point(k, one)
          )),
      ]
      : []),
    examples(report),
  ];
}

function point(x: number, { mean, standardError }: Estimate): CurvePoint {
  return { x, y: mean, error: standardError ?? undefined };
}

function nameOf({ task, level }: Pick<EvalSection, "task" | "level">): string {
  if (level !== null) return `${task ?? ""} level ${level}`.trim();
  return task ?? "all";
}

function curve(
  title: string,
  xLabel: string,
  sections: readonly EvalSection[],
  points: (section: EvalSection) => readonly CurvePoint[],
): CurveSection {
  const series = sections.map((section) => ({ name: nameOf(section), points: points(section) }));
  return { kind: "curve", title, xLabel, yRange: [0, 1], series };
}

function table(
  { sections, samples, temperature, topP, maxTokens, seed }: EvalReport,
): TableSection {
  const share = (estimate: Estimate | null | undefined): string | null => {
    if (!estimate) return null;
    const { mean, standardError } = estimate;
    return mean.toFixed(3) + (standardError === null ? "" : ` ± ${standardError.toFixed(3)}`);
  };
  return {
    kind: "table",
    title: "Measures",
    note:
      `${samples} samples a problem, temperature ${temperature}, top-p ${topP}, at most ${maxTokens} tokens, seed ${seed}; ± is the standard error over problems.`,
    columns: [
      ...["", "problems", "pass@1", "strict", "lenient", `cons@${samples}`, `pass@${samples}`],
      ...["no thinking", "format", "tokens", "thought", "language", "reflects", "cut off"],
    ],
    rows: sections.map((section) => {
      const { measures, budgets } = section;
      return [
        ...[nameOf(section), measures.problems, share(measures.accuracy), share(measures.strict)],
        ...[share(measures.lenient), share(measures.consensusAt.at(-1))],
        share(measures.passAt.at(-1)),
        share(budgets.find(({ thinkingBudget }) => thinkingBudget === 0)),
        ...[share(measures.format), Number(measures.responseLength.mean.toFixed(1))],
        measures.thoughtLength && Number(measures.thoughtLength.mean.toFixed(1)),
        ...[share(measures.language), share(measures.reflection), share(measures.truncated)],
      ];
    }),
  };
}

function examples(report: EvalReport): Section {
  return {
    kind: "samples",
    title: "Completions",
    samples: report.examples.map(({ prompt, completion, isRight }) => ({
      step: 0,
      prompt: typeof prompt === "string" ? prompt : JSON.stringify(prompt),
      completion,
      reward: Number(isRight),
      rewards: { accuracy: Number(isRight) },
      tokens: completion.split(/\s+/).length,
      isFinished: true,
    })),
  };
}
