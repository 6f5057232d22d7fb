/** The report of a run, and of several over each other: which curves, tables and samples it has. Draws nothing itself. */
import { htmlReport } from "./html_report.ts";
import type { RunData } from "./run_data.ts";
import type { Cell, CurveSection, Section, TableSection } from "./sections.ts";

/** Metrics that every report begins with, in order, with their titles and what to look for. */
const FIRST: readonly (readonly [metric: string, title: string, note?: string])[] = [
  ["reward", "Reward"],
  ["completions/mean_length", "Length", "tokens of a completion"],
  ["kl", "KL", "from the reference model, nats a token"],
  ["entropy", "Entropy", "nats a token; towards 0 nothing new is tried"],
  ["clip_ratio/region_mean", "Clipped ratios", "share of tokens"],
  ["frac_reward_zero_std", "Groups without variance", "share; nothing is learned from them"],
  ["completions/clipped_ratio", "Completions cut off", "share"],
  ["mean_token_accuracy", "Token accuracy", "share of tokens that were the likeliest"],
  ["grad_norm", "Gradient norm", "before clipping"],
  ["loss", "Loss"],
  ["learning_rate", "Learning rate"],
  ["step_time", "Time of a step", "seconds"],
  [
    "sampling/sampling_logp_difference/max",
    "Sampling against training",
    "largest difference of log-probabilities: exactly 0",
  ],
];

/** More than these are rather looked at in metrics.jsonl. */
const MOST_OTHERS = 24;
/** Words by which a thought looks back at itself. */
export const REFLECTIONS: readonly string[] = [
  ...["wait", "hmm", "aha", "let me check", "let's check", "check again", "double-check"],
  ...["actually", "alternatively", "mistake", "re-evaluate", "recheck", "verify"],
];

/** A page about runs: the first in full, others beside it in the curves and tables. */
export function runReport(runs: readonly RunData[]): string {
  const [first] = runs;
  const { model, kind } = first.config;
  const lead = [kind, model].filter((value) => typeof value === "string").join(", ");
  return htmlReport(runSections(runs), {
    title: runs.map(({ name }) => name).join(" / "),
    lead: lead || undefined,
    footer: "Made by aha train from metrics.jsonl and samples.jsonl of the run's folder.",
  });
}

/** The sections of such a page. */
export function runSections(runs: readonly RunData[]): Section[] {
  const [first] = runs;
  const warnings = first.warnings.map(({ step, text }) => `Step ${step}: ${text}`);
  const paragraphs = [...warnings.slice(0, 50), ...moreOf(warnings.length - 50)];
  return [
    summaryTable(runs),
    ...(warnings.length > 0
      ? [{ kind: "text", title: "Warnings", paragraphs, tone: "warning" } as const]
      : []),
    { kind: "text", title: "Curves", paragraphs: [] },
    ...curves(runs),
    {
      kind: "samples",
      title: "Samples",
      samples: first.samples,
      highlights: REFLECTIONS,
      moments: firstReflection(first),
    },
    configTable(runs),
  ];
}

function moreOf(count: number): string[] {
  return count > 0 ? [`and ${count} more in warnings.jsonl`] : [];
}

function curves(runs: readonly RunData[]): CurveSection[] {
  const names = new Set(
    runs.flatMap(({ metrics }) => metrics.flatMap(({ values }) => Object.keys(values))),
  );
  const isReward = (name: string): boolean => /^rewards\/.*\/mean$/.test(name);
  const firsts = FIRST.filter(([name]) => names.has(name))
    .map(([name, title, note]) => overlaid(runs, name, title, note ?? lossNote(name, names)));
  const told = new Set(FIRST.map(([name]) => name));
  const others = [...names].filter((name) => !told.has(name) && !isReward(name) && !isStd(name));
  return [
    ...firsts.slice(0, 1),
    ...rewardParts(runs, [...names].filter(isReward)),
    ...firsts.slice(1),
    ...others.slice(0, MOST_OTHERS).map((name) => overlaid(runs, name, name)),
  ];
}

/** A policy gradient's loss is of no use to people. */
function lossNote(name: string, names: ReadonlySet<string>): string | undefined {
  return name === "loss" && names.has("reward")
    ? "of a policy gradient: no measure of progress"
    : undefined;
}

function isStd(name: string): boolean {
  return /^rewards\/.*\/std$/.test(name);
}

/** One curve of all functions for one run, one a function for several. */
function rewardParts(runs: readonly RunData[], names: readonly string[]): CurveSection[] {
  const short = (name: string): string => name.replace(/^rewards\/|\/mean$/g, "");
  if (names.length === 0) return [];
  if (runs.length > 1) return names.map((name) => overlaid(runs, name, `Reward: ${short(name)}`));
  const series = names.map((name) => ({ name: short(name), points: pointsOf(runs[0], name) }));
  return [{ kind: "curve", title: "Reward by function", xLabel: "step", series }];
}

function overlaid(
  runs: readonly RunData[],
  metric: string,
  title: string,
  note?: string,
): CurveSection {
  const series = runs.map((run) => ({ name: run.name, points: pointsOf(run, metric) }));
  return { kind: "curve", title, note, xLabel: "step", series };
}

function pointsOf({ metrics }: RunData, name: string): { x: number; y: number }[] {
  return metrics.flatMap(({ step, values }) =>
    name in values ? [{ x: step, y: values[name] }] : []
  );
}

/** The first thought that looks back at itself. */
function firstReflection({ samples }: RunData): { step: number; label: string }[] {
  const pattern = new RegExp(`\\b(?:${REFLECTIONS.join("|")})\\b`, "i");
  const found = samples.find(({ completion }) => pattern.test(completion));
  return found ? [{ step: found.step, label: "First reflection" }] : [];
}

/** How many steps at each end are averaged. */
const END_SHARE = 0.1;

function summaryTable(runs: readonly RunData[]): TableSection {
  return {
    kind: "table",
    title: "Summary",
    note: "Means over the first and the last tenth of the steps.",
    columns: [
      "run",
      "steps",
      "reward, first",
      "reward, last",
      "length, first",
      "length, last",
      "minutes",
    ],
    rows: runs.map((run) => {
      const seconds = run.metrics.reduce((sum, { values }) => sum + (values.step_time ?? 0), 0);
      return [
        run.name,
        run.metrics.at(-1)?.step ?? 0,
        ...endMeans(run, "reward"),
        ...endMeans(run, "completions/mean_length"),
        seconds > 0 ? seconds / 60 : null,
      ];
    }),
  };
}

function endMeans(run: RunData, name: string): [Cell, Cell] {
  const values = pointsOf(run, name).map(({ y }) => y).filter(Number.isFinite);
  if (values.length === 0) return [null, null];
  const count = Math.max(1, Math.round(values.length * END_SHARE));
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
  return [mean(values.slice(0, count)), mean(values.slice(-count))];
}

function configTable(runs: readonly RunData[]): TableSection {
  const flat = runs.map(({ config }) => new Map(flatten(config)));
  const names = [...new Set(flat.flatMap((values) => [...values.keys()]))];
  return {
    kind: "table",
    title: "Configuration",
    columns: ["name", ...runs.map(({ name }) => name)],
    rows: names.map((name) => [name, ...flat.map((values) => values.get(name) ?? null)]),
  };
}

/** Names with dots, values as JSON writes them. */
function flatten(values: object, prefix = ""): [string, string | null][] {
  return Object.entries(values).flatMap(([name, value]): [string, string | null][] => {
    if (value === null) return [[prefix + name, null]];
    if (typeof value === "object" && !Array.isArray(value)) {
      return flatten(value, `${prefix}${name}.`);
    }
    return [[prefix + name, typeof value === "string" ? value : JSON.stringify(value)]];
  });
}
