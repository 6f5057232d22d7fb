/** A report as a table for a terminal. Computes no measure. */
import type { Estimate } from "./estimate.ts";
import type { EvalReport, EvalSection } from "./report.ts";

/**
 * The report as text: a line a section with pass@1 and its standard error, strict and lenient accuracy, cons@k, pass@k
 * (both of all samples), lengths, language and reflection; below, accuracy against thinking budget.
 */
export function reportTable(report: EvalReport): string {
  const { suite, sections, samples, temperature, topP, maxTokens, seed } = report;
  const head = `${suite}: ${sections[0].measures.problems} problems, ${samples} samples each, ` +
    `temperature ${temperature}, top-p ${topP}, at most ${maxTokens} tokens, seed ${seed}`;
  const columns = [
    "",
    "problems",
    "pass@1",
    "strict",
    "lenient",
    `cons@${samples}`,
    `pass@${samples}`,
  ];
  const more = ["format", "tokens", "thought", "language", "reflects", "cut off"];
  const rows = sections.map((section) => measuresRow(section));
  const parts = [head, aligned([[...columns, ...more], ...rows])];
  if (sections[0].budgets.length > 0) parts.push(budgetTable(report));
  return parts.join("\n\n");
}

/**
 * Accuracy against thinking budget, a line a section, a column a budget.
 */
export function budgetTable({ sections, budgetSamples }: EvalReport): string {
  const budgets = sections[0].budgets.map(({ thinkingBudget }) => `${thinkingBudget}`);
  const rows = sections.map((section) => [
    nameOf(section),
    ...section.budgets.map(withError),
    withError(section.measures.accuracy),
  ]);
  const title =
    `accuracy when the thought is ended after so many tokens (${budgetSamples} samples each)`;
  return `${title}\n${aligned([["", ...budgets, "free"], ...rows])}`;
}

function measuresRow(section: EvalSection): string[] {
  const { measures } = section;
  return [
    nameOf(section),
    `${measures.problems}`,
    withError(measures.accuracy),
    share(measures.strict),
    share(measures.lenient),
    share(measures.consensusAt.at(-1)!),
    share(measures.passAt.at(-1)!),
    share(measures.format),
    measures.responseLength.mean.toFixed(1),
    measures.thoughtLength?.mean.toFixed(1) ?? "-",
    measures.language ? share(measures.language) : "-",
    share(measures.reflection),
    share(measures.truncated),
  ];
}

function nameOf({ task, level }: EvalSection): string {
  if (task === null && level === null) return "all";
  return level === null ? `${task}` : `  level ${level}`;
}

function share({ mean }: Estimate): string {
  return mean.toFixed(3);
}

function withError({ mean, standardError }: Estimate): string {
  return standardError === null
    ? mean.toFixed(3)
    : `${mean.toFixed(3)} ±${standardError.toFixed(3)}`;
}

/** Lines of cells, the first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  return rows.map((row) =>
    row.map((cell, at) => at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])).join("  ")
      .trimEnd()
  ).join("\n");
}
