/** What the figures of a run have to reach, and what of it they do. Measures nothing. */
import type { Spread } from "../spread.ts";
import { textTable } from "../text_table.ts";
import { FORMATS, GENERATED, MIXTURE, modelName } from "./model_files.ts";
import type { Quantity } from "./peer.ts";
import type { SummaryRow } from "./summary.ts";

/** One figure of a goal: of one file and one count of threads. */
export interface GoalPart {
  readonly model: string;
  readonly threads: number;
  readonly value: number;
  /** Peers whose medians were there to compare with; none where the goal is about Aha alone. */
  readonly peers: readonly string[];
}

/** A goal as the run reached it. */
export interface Goal {
  readonly what: string;
  readonly unit: "x" | "%" | "s";
  readonly floor: number;
  readonly aim: number;
  readonly parts: readonly GoalPart[];
  /** How many parts there are, with those that were not measured. */
  readonly partsWanted: number;
  /** Of the worst part that was measured; null where nothing of it was measured. */
  readonly reached: "aim" | "floor" | "missed" | null;
}

/** Medians of one file and one count of threads, by peer. */
interface Group {
  median(peer: string, quantity: Quantity): number | null;
}

/** A figure of a group and the peers that it is a ratio to. */
type Figure = Pick<GoalPart, "value" | "peers">;

interface Wanted extends Pick<Goal, "what" | "unit" | "floor" | "aim"> {
  /** Files, as `bench:peers` names them. */
  readonly models: readonly string[];
  figure(group: Group): Figure | null;
}

/** Counts of threads that every goal is about. */
const THREADS = [1, 2];
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
    own((median) => quotient(median("aha", "decodeBytes"), median("aha", "readRate"), 100)),
  ),
  wanted(
    "8 sequences decoding against prefill with the head",
    "x",
    0.55,
    0.75,
    own((median) => quotient(median("aha", "batchDecode"), median("aha", "scored"))),
  ),
  {
    ...wanted("decode of 0.5B against llama.cpp native", "x", 0.9, 1.3, against(NATIVE, "decode")),
    models: [GENERATED],
  },
  {
    ...wanted("MoE decode against llama.cpp native", "x", 0.9, 1.3, against(NATIVE, "decode")),
    models: [MIXTURE],
  },
  {
    ...wanted(
      "prefill 512 against one token at a time",
      "x",
      3,
      3,
      own((median) => quotient(median("aha", "prefill"), median("aha", "decode"))),
    ),
    models: [MIXTURE],
  },
  wanted(
    "decode of simd-threads against relaxed-threads",
    "x",
    0.45,
    0.6,
    own((median) => quotient(median("aha-simd-threads", "decode"), median("aha", "decode"))),
  ),
  {
    ...wanted(
      "load of the 98 MB file, warm page cache",
      "s",
      0.4,
      0.2,
      own((median) => quotient(median("aha", "loadMs"), 1000)),
    ),
    models: ["Q4_1"],
  },
];

function wanted(
  what: string,
  unit: Goal["unit"],
  floor: number,
  aim: number,
  figure: Wanted["figure"],
): Wanted {
  return { what, unit, floor, aim, figure, models: FORMATS };
}

/** A figure of Aha alone. */
function own(value: (median: Group["median"]) => number | null): Wanted["figure"] {
  return ({ median }) => {
    const figure = value(median);
    return figure === null ? null : { value: figure, peers: [] };
  };
}

/** Aha's median over the best of these peers', of those that were measured. */
function against(peers: readonly string[], quantity: Quantity): Wanted["figure"] {
  return ({ median }) => {
    const found = peers.filter((peer) => median(peer, quantity) !== null);
    const best = Math.max(...found.map((peer) => median(peer, quantity) ?? 0));
    const value = found.length > 0 ? quotient(median("aha", quantity), best) : null;
    return value === null ? null : { value, peers: found };
  };
}

function quotient(a: number | null, b: number | null, factor = 1): number | null {
  return a !== null && b ? factor * a / b : null;
}

/** Every goal, by the medians of a run's rows. */
export function goalsOf(rows: readonly SummaryRow[]): Goal[] {
  const groups = Map.groupBy(rows, ({ model, threads }) => JSON.stringify([model, threads]));
  return WANTED.map(({ figure: figureOf, models, ...goal }) => {
    const names = models.map(modelName);
    const parts = [...groups.values()].flatMap((group): GoalPart[] => {
      const [{ model, threads }] = group;
      const median = (peer: string, quantity: Quantity): number | null => {
        const spread: Spread | null | undefined = group.find((row) => row.peer === peer)
          ?.spreads[quantity];
        return spread ? spread.median : null;
      };
      const figure = names.includes(model) ? figureOf({ median }) : null;
      return figure === null ? [] : [{ model, threads, ...figure }];
    });
    const more = parts.filter(({ threads }) => !THREADS.includes(threads)).length;
    const partsWanted = names.length * THREADS.length + more;
    return { ...goal, parts, partsWanted, reached: reachedBy(goal, parts) };
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

const HEADS = [
  ...["what", "files and threads", "compared with", "measured, worst to best"],
  ...["floor", "aim", "reached", "below the floor"],
];

/** A Markdown table: a line for each goal, its worst figure first. */
export function goalTable(goals: readonly Goal[]): string {
  const lines = goals.map((goal) => {
    const text = (value: number): string =>
      `${value.toFixed(goal.unit === "%" ? 0 : 2)} ${goal.unit}`;
    const sorted = goal.parts.toSorted((a, b) =>
      goal.aim < goal.floor ? b.value - a.value : a.value - b.value
    );
    const [worst, best] = [sorted.at(0), sorted.at(-1)];
    const below = sorted.filter(({ value }) => !isWithin(goal, value, goal.floor));
    return [
      ...[goal.what, goal.parts.map(nameOf).join(", "), peersOf(goal)],
      !worst || !best
        ? ""
        : sorted.length === 1
        ? text(worst.value)
        : `${text(worst.value)} to ${text(best.value)}`,
      ...[text(goal.floor), text(goal.aim), verdictOf(goal)],
      below.map((part) => `${nameOf(part)}: ${text(part.value)}`).join(", "),
    ];
  });
  return textTable(HEADS, lines);
}

/** What was reached, and of how many parts where some are missing. */
function verdictOf({ reached, parts, partsWanted }: Goal): string {
  if (reached === null) return "not measured";
  return parts.length < partsWanted
    ? `${reached} (${parts.length} of ${partsWanted} parts)`
    : reached;
}

/** The peers of which the best is compared with; by parts where they are not the same for all. */
function peersOf({ parts }: Goal): string {
  const groups = Map.groupBy(parts, ({ peers }) => peers.join(" and "));
  if (groups.size <= 1) return [...groups.keys()].join();
  return [...groups].map(([peers, some]) => `${peers} (${some.map(nameOf).join(", ")})`).join("; ");
}

/** Format and threads of a part; a file that is no format by its whole name. */
function nameOf({ model, threads }: GoalPart): string {
  return `${model.split(" ").at(-1) ?? model} with ${threads}`;
}
