/** The parts of a recipe's report: stage tables, curves over RL steps, budgets and votes, samples. Reads and draws nothing. */
import type { Cell, CurvePoint, CurveSection, Section } from "../../report/sections.ts";
import { judgeNano } from "../../tasks/mod.ts";
import { FIXED_ROWS, type FixedRow, SHARED_ROWS, STAGE_ROWS } from "../settings/settings_table.ts";
import type { StageName } from "../stage/lab.ts";
import { PAPER_RESULTS } from "./paper_results.ts";
import type { StageResult } from "./stage_results.ts";
import { type Measured, type StageRow, stageTable } from "./stage_table.ts";

/** What each stage is, for the table. */
const TITLES: Readonly<Record<StageName, string>> = {
  pretrain: "0 base",
  r1_zero: "1 R1-Zero",
  cold_start: "2 cold start",
  reasoning_rl: "3 reasoning RL",
  rejection_sampling: "4 rejection sampling + SFT",
  general_rl: "5 RL, all scenarios",
  student: "student, base",
  distill: "student, distilled",
  student_rl: "student, RL alone",
  student_direct: "student, answers without thoughts",
  student_shuffled: "student, shuffled thoughts",
};

/** What the trainings of several stages have in common. */
const FIXED_TITLES: Readonly<Record<string, string>> = {
  pretraining: "all pre-training",
  reinforcement: "all reinforcement learning",
  fineTuning: "all fine-tuning",
};

/** The parts of a report on recipes that differ in their seed; curves and samples are those of the first. */
export function recipeSections(runs: readonly (readonly StageResult[])[]): Section[] {
  const [results = []] = runs;
  const find = (stage: StageName) => results.find((one) => one.stage === stage);
  const reasoners = (["r1_zero", "reasoning_rl", "general_rl", "student_rl"] as const)
    .map(find).filter((one) => one !== undefined);
  const scaled = (["general_rl", "distill"] as const).map(find).filter((one) => one !== undefined);
  return [
    stagesSection(runs),
    paperSection(runs),
    ...(reasoners.length > 0 ? [textOf("Reinforcement learning"), ...rlCurves(reasoners)] : []),
    ...(scaled.length > 0 ? [textOf("More thinking, more votes")] : []),
    ...scaled.flatMap((one) => [budgetCurve(one), voteCurve(one)]),
    ...(results.length > 0 ? [textOf("Learning from text"), ...textCurves(results)] : []),
    ...samplesOf(find("r1_zero")),
    costSection(results),
    settingsSection(results),
  ];
}

function textOf(title: string): Section {
  return { kind: "text", title, paragraphs: [] };
}

function stagesSection(runs: readonly (readonly StageResult[])[]): Section {
  const rows = stageTable(runs);
  const [votes] = rows.map((row) => row.votes);
  return {
    kind: "table",
    title: "Stages",
    note: runs.length > 1
      ? `Means over ${runs.length} seeds, ± their standard deviation.`
      : "± is the standard error over problems, samples of a problem averaged before.",
    columns: [
      ...["stage", "task", "pass@1", `cons@${votes}`, "no thinking", "language", "thought tokens"],
      ...["format", "turns on itself"],
    ],
    rows: rows.map((row, i) => [
      row.stage === rows[i - 1]?.stage ? "" : TITLES[row.stage],
      ...cellsOf(row),
    ]),
  };
}

function cellsOf(row: StageRow): Cell[] {
  const { task, passAt1, consensus, noThink, language, thoughtTokens } = row;
  return [
    ...[task, share(passAt1), share(consensus), share(noThink), share(language)],
    ...[thoughtTokens && Number(thoughtTokens.mean.toFixed(1)), share(row.format)],
    share(row.reflection),
  ];
}

function share(measured: Measured | null): Cell {
  if (!measured) return null;
  const { mean, spread } = measured;
  return spread === null ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${spread.toFixed(2)}`;
}

/** R1's stages beside those here, by the mean over the tasks of reasoning. */
function paperSection(runs: readonly (readonly StageResult[])[]): Section {
  const reasoning = stageTable(runs).filter(({ task }) => task !== "GENERAL");
  const here = (stage: string): number | null => {
    const means = reasoning.filter((row) => row.stage === stage)
      .flatMap(({ passAt1 }) => passAt1 ? [passAt1.mean] : []);
    const sum = means.reduce((all, mean) => all + mean, 0);
    return means.length === 0 ? null : Number((100 * sum / means.length).toFixed(1));
  };
  return {
    kind: "table",
    title: "Beside DeepSeek-R1",
    note:
      "The paper's pass@1 in percent (2501.12948v2). The last column is the mean pass@1 over the tasks of reasoning here: the shapes are to be compared, not the numbers.",
    columns: ["R1's model", "AIME 2024", "MATH-500", "GPQA", "LiveCodeBench", "here"],
    rows: PAPER_RESULTS.map(({ model, stage, aime2024, math500, gpqa, liveCodeBench }) => [
      ...[model, aime2024, math500, gpqa, liveCodeBench, here(stage)],
    ]),
  };
}

type Series = CurveSection["series"][number];

/** Curves over RL steps: accuracy, tokens of a thought, ... */
export function rlCurves(reasoners: readonly StageResult[]): CurveSection[] {
  const [first] = reasoners;
  const over = (title: string, metric: string, note?: string): CurveSection => ({
    ...{ kind: "curve", title, note, xLabel: "step" },
    series: reasoners.map((one) => ({ name: TITLES[one.stage], points: points(one, metric) })),
  });
  const tasks = [...new Set(first.run.metrics.flatMap(({ values }) => Object.keys(values)))]
    .filter((name) => name.startsWith("accuracy/"));
  return [
    over("Accuracy", "rewards/accuracy/mean", "of sampled completions"),
    over("Tokens of a thought", "thought/mean_length", "nothing rewards length"),
    {
      ...{ kind: "curve", title: `Accuracy by task, ${TITLES[first.stage]}`, xLabel: "step" },
      series: tasks.map((name): Series => ({
        name: name.replace("accuracy/", ""),
        points: points(first, name),
      })),
    },
    over("Language", "thought/language", "share of the thought's digits that is asked for"),
    over("Turns on itself", "thought/reflection", "share of completions with a failed try"),
    over("Format", "rewards/format/mean"),
    over("KL", "kl", "from the model that the stage began with, nats a token"),
    over("Entropy", "entropy", "nats a token"),
  ];
}

function textCurves(results: readonly StageResult[]): CurveSection[] {
  const of = (title: string, metric: string, note?: string): CurveSection[] => {
    const series = results.map((one) => ({ name: TITLES[one.stage], points: points(one, metric) }))
      .filter((one) => one.points.length > 0);
    return series.length > 0 ? [{ kind: "curve", title, note, xLabel: "step", series }] : [];
  };
  const tuned = results.filter(({ run }) => !run.metrics.some(({ values }) => "reward" in values))
    .filter(({ run }) => !run.metrics.some(({ values }) => "completion_loss" in values));
  const loads = results.find(({ run }) =>
    run.metrics.some(({ values }) => "moe/load_max" in values)
  );
  return [
    ...of("Pre-training", "completion_loss", "loss of the completions, nats a token"),
    ...(tuned.length > 0
      ? [{
        ...{
          kind: "curve",
          title: "Fine-tuning",
          note: "loss, nats a token",
          xLabel: "step",
        } as const,
        series: tuned.map((one) => ({ name: TITLES[one.stage], points: points(one, "loss") })),
      }]
      : []),
    ...(loads
      ? [
        {
          kind: "curve",
          title: "Load of the experts",
          note: "of the busiest and the idlest expert, over the mean of its layer, in pre-training",
          xLabel: "step",
          series: [
            { name: "busiest", points: points(loads, "moe/load_max") },
            { name: "idlest", points: points(loads, "moe/load_min") },
          ],
        } as const,
      ]
      : []),
  ];
}

function points({ run }: StageResult, name: string): CurvePoint[] {
  return run.metrics.flatMap(({ step, values }) =>
    name in values ? [{ x: step, y: values[name] }] : []
  );
}

/** Accuracy where thoughts are ended after so many tokens. */
export function budgetCurve({ stage, evaluation }: StageResult): CurveSection {
  return {
    kind: "curve",
    title: `Accuracy against thinking budget: ${TITLES[stage]}`,
    note: "the thought is ended after so many tokens",
    xLabel: "tokens",
    yRange: [0, 1],
    series: taskSections(evaluation).filter(({ task }) => task !== "GENERAL")
      .map(({ task, budgets }): Series => ({
        name: task!,
        points: budgets.map(({ thinkingBudget, mean, standardError }) => ({
          x: thinkingBudget,
          y: mean,
          error: standardError ?? undefined,
        })),
      })),
  };
}

/** Accuracy of the majority of so many answers. */
export function voteCurve({ stage, evaluation }: StageResult): CurveSection {
  return {
    kind: "curve",
    title: `Accuracy of the majority: ${TITLES[stage]}`,
    xLabel: "votes",
    xScale: "log",
    yRange: [0, 1],
    series: taskSections(evaluation).map(({ task, measures }): Series => ({
      name: task!,
      points: measures.consensusAt.map(({ k, mean, standardError }) => ({
        x: k,
        y: mean,
        error: standardError ?? undefined,
      })),
    })),
  };
}

function taskSections({ sections }: StageResult["evaluation"]) {
  return sections.filter(({ task, level }) => task !== null && level === null);
}

/** Zero's completions over its steps, and the first that turns on itself and is right. */
function samplesOf(zero: StageResult | undefined): Section[] {
  if (!zero) return [];
  const { samples } = zero.run;
  const turning = samples.find(({ prompt, completion, isFinished }) => {
    const verdict = judgeNano(prompt, completion, isFinished);
    return verdict?.isRight && verdict.reflections > 0;
  });
  return [{
    kind: "samples",
    title: "What R1-Zero says",
    samples,
    highlights: ["x"],
    moments: turning
      ? [{ step: turning.step, label: "First right answer after a failed try" }]
      : [],
  }];
}

function costSection(results: readonly StageResult[]): Section {
  return {
    kind: "table",
    title: "Cost",
    columns: ["stage", "steps", "tokens trained", "training, s", "evaluation, s", "tokens/s"],
    rows: results.map(({ stage, mark: { steps, tokens, seconds } }) => [
      ...[TITLES[stage], steps, tokens, Math.round(seconds.training)],
      ...[Math.round(seconds.evaluation), Math.round(tokens / Math.max(1, seconds.training))],
    ]),
  };
}

function settingsSection(results: readonly StageResult[]): Section {
  const used = results.flatMap(({ stage, mark }) => {
    const paper: Readonly<Record<string, readonly [string, ...unknown[]]>> = {
      ...SHARED_ROWS,
      ...STAGE_ROWS[stage],
    };
    return Object.entries(mark.settings).map(([name, value]): Cell[] => [
      TITLES[stage],
      name,
      paper[name]?.[0] ?? null,
      typeof value === "number" ? value : JSON.stringify(value),
    ]);
  });
  const fixed = Object.entries(FIXED_ROWS).flatMap(([kind, rows]) =>
    Object.entries<FixedRow>(rows).map(([name, row]): Cell[] => [FIXED_TITLES[kind], name, ...row])
  );
  return {
    kind: "table",
    title: "Settings",
    columns: ["stage", "setting", "DeepSeek-R1", "here"],
    rows: [...used, ...fixed],
  };
}
