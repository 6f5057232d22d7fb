/** Medians, spreads and ratios of measurements, and the table of them. Measures nothing. */
import { type Spread, spreadOf } from "../spread.ts";
import { textTable } from "../text_table.ts";
import type { Figures, Quantity, Task } from "./peer.ts";

/** One fresh process of one peer. */
export interface Measurement extends Task {
  readonly peer: string;
  readonly repeat: number;
  /** Share of all cores that was busy just before. */
  readonly busyBefore: number | null;
  readonly figures: Figures;
}

/** One peer with one file and one count of threads. */
export interface SummaryRow extends Task {
  readonly peer: string;
  readonly repeats: number;
  readonly spreads: Readonly<Record<Quantity, Spread | null>>;
  /** Aha's median over this peer's; above 1, Aha's number is the larger. */
  readonly ratios: Readonly<Record<Quantity, number | null>>;
}

export const QUANTITIES: readonly Quantity[] = [
  ...["prefill", "decode", "loadMs", "firstTokenMs", "peakBytes"] as const,
  ...["batchDecode", "scored", "decodeBytes", "readRate"] as const,
];

/** A row for each file, count of threads and peer, in the order in which they were first measured. */
export function summarize(measurements: readonly Measurement[]): SummaryRow[] {
  const taskOf = ({ model, threads }: Task): string => JSON.stringify([model, threads]);
  const groups = Map.groupBy(measurements, (one) => JSON.stringify([taskOf(one), one.peer]));
  const spreads = [...groups.values()].map((group) => ({
    ...{ model: group[0].model, threads: group[0].threads, peer: group[0].peer },
    repeats: group.length,
    spreads: ofEach((quantity) =>
      spreadOf(group.flatMap(({ figures }) => figures[quantity] ?? []))
    ),
  }));
  return spreads.map((row) => {
    const own = spreads.find((other) => other.peer === "aha" && taskOf(other) === taskOf(row));
    const ratios = ofEach((quantity) => {
      const [a, b] = [own?.spreads[quantity], row.spreads[quantity]];
      return a && b && b.median > 0 ? a.median / b.median : null;
    });
    return { ...row, ratios };
  });
}

function ofEach<T>(give: (quantity: Quantity) => T): Record<Quantity, T> {
  return Object.fromEntries(QUANTITIES.map((one) => [one, give(one)])) as Record<Quantity, T>;
}

const HEADS = [
  ...["model", "threads", "peer", "prefill [tokens/s]", "aha/", "decode [tokens/s]", "aha/"],
  ...["load [ms]", "first token [ms]", "peak [MiB]"],
];

/** A Markdown table; speeds as median (min to max), the rest as medians. */
export function table(rows: readonly SummaryRow[]): string {
  const speed = (spread: Spread | null): string =>
    spread
      ? `${spread.median.toFixed(1)} (${spread.min.toFixed(1)} to ${spread.max.toFixed(1)})`
      : "";
  const whole = (spread: Spread | null, unit = 1): string =>
    spread ? (spread.median / unit).toFixed(0) : "";
  const ratio = (value: number | null): string => value === null ? "" : value.toFixed(2);
  const lines = rows.map(({ model, threads, peer, spreads, ratios }) => [
    ...[model, `${threads}`, peer],
    ...[speed(spreads.prefill), ratio(ratios.prefill)],
    ...[speed(spreads.decode), ratio(ratios.decode)],
    ...[whole(spreads.loadMs), whole(spreads.firstTokenMs), whole(spreads.peakBytes, 2 ** 20)],
  ]);
  return textTable(HEADS, lines);
}
