/** What the figures of a run have to reach, and what of it they do. Measures nothing. */
import type { Spread } from "../spread.ts";
import { textTable } from "../text_table.ts";
import { FORMATS, GENERATED, modelName } from "./model_files.ts";
import type { Quantity } from "./peer.ts";
import type { SummaryRow } from "./summary.ts";

/** One figure of a goal: of one file and one count of threads. */
export interface GoalPart {
  readonly model: string;
  readonly threads: number;
  readonly value: number;
}

/** A goal as the run reached it. */
export interface Goal {
  readonly what: string;
  readonly unit: "x" | "%" | "s";
  readonly floor: number;
  readonly aim: number;
  readonly parts: readonly GoalPart[];
  /** Of the worst part; null where nothing of it was measured. */
  readonly reached: "aim" | "floor" | "missed" | null;
}

/** The rows of one file and one count of threads, by peer. */
interface Group {
  readonly model: string;
  readonly threads: number;
  median(peer: string, quantity: Quantity): number | null;
}

interface Wanted extends Pick<Goal, "what" | "unit" | "floor" | "aim"> {
  /** Files, as `bench:peers` names them. */
  readonly models: readonly string[];
  value(group: Group): number | null;
}

const NATIVE = ["node-llama-cpp", "llama-bench"];

const WANTED: readonly Wanted[] = [
  wanted("decode against llama.cpp native", "x", 1, 1.5, against(NATIVE, "decode")),
  wanted("decode against wllama", "x", 8, 12, against(["wllama"], "decode")),
  wanted("prefill 512 against llama.cpp native", "x", 0.5, 0.75, against(NATIVE, "prefill")),
  wanted("prefill 512 against wllama", "x", 15, 30, against(["wllama"], "prefill")),
  wanted(
    "decode bytes/s against the read rate",
    "%",
    60,
    85,
    (group) => quotient(group.median("aha", "decodeBytes"), group.median("aha", "readRate"), 100),
  ),
  wanted(
    "8 sequences decoding against prefill with the head",
    "x",
    0.55,
    0.75,
    (group) => quotient(group.median("aha", "batchDecode"), group.median("aha", "scored")),
  ),
  {
    ...wanted("decode of 0.5B against llama.cpp native", "x", 0.9, 1.3, against(NATIVE, "decode")),
    models: [GENERATED],
  },
  wanted(
    "decode of simd-threads against relaxed-threads",
    "x",
    0.45,
    0.6,
    (group) => quotient(group.median("aha-simd-threads", "decode"), group.median("aha", "decode")),
  ),
  {
    ...wanted(
      "load of the 98 MB file, warm page cache",
      "s",
      0.4,
      0.2,
      (group) => quotient(group.median("aha", "loadMs"), 1000),
    ),
    models: ["Q4_1"],
  },
];

function wanted(
  what: string,
  unit: Goal["unit"],
  floor: number,
  aim: number,
  value: Wanted["value"],
): Wanted {
  return { what, unit, floor, aim, value, models: FORMATS };
}

/** Aha's median over the best of these peers'. */
function against(peers: readonly string[], quantity: Quantity): Wanted["value"] {
  return (group) => {
    const medians = peers.flatMap((peer) => group.median(peer, quantity) ?? []);
    return quotient(
      group.median("aha", quantity),
      medians.length > 0 ? Math.max(...medians) : null,
    );
  };
}

function quotient(a: number | null, b: number | null, factor = 1): number | null {
  return a !== null && b ? factor * a / b : null;
}

/** Every goal, by the medians of a run's rows. */
export function goalsOf(rows: readonly SummaryRow[]): Goal[] {
  const groups = Map.groupBy(rows, ({ model, threads }) => JSON.stringify([model, threads]));
  return WANTED.map(({ value, models, ...goal }) => {
    const names = models.map(modelName);
    const parts = [...groups.values()].flatMap((group): GoalPart[] => {
      const [{ model, threads }] = group;
      const median = (peer: string, quantity: Quantity): number | null => {
        const spread: Spread | null | undefined = group.find((row) => row.peer === peer)
          ?.spreads[quantity];
        return spread ? spread.median : null;
      };
      const figure = names.includes(model) ? value({ model, threads, median }) : null;
      return figure === null ? [] : [{ model, threads, value: figure }];
    });
    return { ...goal, parts, reached: reachedBy(goal, parts) };
  });
}

function reachedBy(goal: Pick<Goal, "floor" | "aim">, parts: readonly GoalPart[]): Goal["reached"] {
  const all = (limit: number): boolean => parts.every(({ value }) => isWithin(goal, value, limit));
  if (parts.length === 0) return null;
  return all(goal.aim) ? "aim" : all(goal.floor) ? "floor" : "missed";
}

/** A goal whose aim is the smaller number is one of time. */
function isWithin({ floor, aim }: Pick<Goal, "floor" | "aim">, value: number, limit: number) {
  return aim < floor ? value <= limit : value >= limit;
}

/** A Markdown table: a line for each goal, its worst figure first. */
export function goalTable(goals: readonly Goal[]): string {
  const lines = goals.map((goal) => {
    const text = (value: number): string =>
      `${value.toFixed(goal.unit === "%" ? 0 : 2)} ${goal.unit}`;
    const sorted = goal.parts.toSorted((a, b) =>
      goal.aim < goal.floor ? b.value - a.value : a.value - b.value
    );
    const [worst, best] = [sorted.at(0), sorted.at(-1)];
    const missing = sorted.filter(({ value }) => !isWithin(goal, value, goal.floor));
    return [
      ...[goal.what, filesOf(goal)],
      !worst || !best
        ? ""
        : sorted.length === 1
        ? text(worst.value)
        : `${text(worst.value)} to ${text(best.value)}`,
      ...[text(goal.floor), text(goal.aim), goal.reached ?? "not measured"],
      missing.map(({ model, threads, value }) =>
        `${formatOf(model)} with ${threads}: ${text(value)}`
      ).join(", "),
    ];
  });
  const heads = [
    "what",
    "files and threads",
    "measured, worst to best",
    "floor",
    "aim",
    "reached",
    "below the floor",
  ];
  return textTable(heads, lines);
}

/** The formats measured, with their counts of threads. */
function filesOf({ parts }: Goal): string {
  if (parts.length === 0) return "";
  const models = [...new Set(parts.map(({ model }) => formatOf(model)))];
  const threads = [...new Set(parts.map(({ threads }) => threads))];
  return `${models.join(" ")} with ${threads.join(" ")}`;
}

/** The last word of a model's name; a path's is the whole name. */
function formatOf(model: string): string {
  return model.split(" ").at(-1) ?? model;
}
