/** Times of kernels as GMAC/s, GB/s and shares of the read rate, in lines of a table. Times nothing. */
import type { Spread } from "../spread.ts";
import type { KernelCase } from "./kernel_case.ts";

/** One case with one count of threads. */
export interface KernelRow extends Omit<KernelCase, "prepare"> {
  readonly threads: number;
  /** Microseconds of a call: going through all copies. */
  readonly cold: Spread;
  /** The same on one copy again and again; null where there is only one: what it reads stays in caches. */
  readonly hot: Spread | null;
  /** Bytes/s at which as many threads read a buffer as large as the copies. */
  readonly readRate: number;
  /** The other core, where there is one. */
  readonly other?: {
    readonly cold: Spread;
    readonly hot: Spread | null;
    /** The ordinary core's time over the other's, of samples that stood side by side: above 1, the other is faster. */
    readonly ratio: Spread;
    /** Mean squared difference of the outputs over the mean square; 0 where all bits are equal. */
    readonly difference: number;
  };
}

/** Heads of the columns and their widths: lines are printed one by one. */
const COLUMNS: readonly (readonly [string, number])[] = [
  ...[["kernel", 21], ["shape", 11], ["rows", 4], ["threads", 7], ["us", 6]] as const,
  ...[["GMAC/s (best)", 13], ["GB/s (best)", 13], ["of read rate", 12]] as const,
  ["one copy GB/s (best)", 20],
];
const OTHER_COLUMNS: readonly (readonly [string, number])[] = [
  ...[["other us", 8], ["GMAC/s (best)", 13], ["ratio (of best)", 15], ["outputs", 12]] as const,
];

/** The head of a Markdown table. */
export function kernelHead(hasOther: boolean): string {
  const columns = columnsOf(hasOther);
  const rule = columns.map(([, width]) => "-".repeat(width));
  return `${line(columns.map(([head]) => head), columns)}\n${line(rule, columns)}`;
}

/** A line of the table. */
export function kernelLine(row: KernelRow): string {
  const hasOther = row.other !== undefined;
  return line([...ownCells(row), ...(hasOther ? otherCells(row) : [])], columnsOf(hasOther));
}

const columnsOf = (hasOther: boolean) => hasOther ? [...COLUMNS, ...OTHER_COLUMNS] : COLUMNS;

function line(cells: readonly string[], columns: readonly (readonly [string, number])[]): string {
  return `| ${cells.map((cell, i) => cell.padEnd(columns[i][1])).join(" | ")} |`;
}

function ownCells({ kernel, shape, rows, threads, macs, bytes, cold, hot, readRate }: KernelRow) {
  return [
    ...[kernel, shape, `${rows}`, `${threads}`, microseconds(cold), rate(macs, cold)],
    rate(bytes, cold),
    hot ? `${(100 * bytes / cold.median * 1e6 / readRate).toFixed(0)} %` : "",
    hot ? rate(bytes, hot) : "",
  ];
}

function otherCells({ macs, cold: own, other }: KernelRow): string[] {
  if (!other) return [];
  const { cold, ratio, difference } = other;
  const faster = `${ratio.median.toFixed(3)} (${(own.min / cold.min).toFixed(3)})`;
  const outputs = difference === 0 ? "same bits" : `NMSE ${difference.toExponential(1)}`;
  return [microseconds(cold), rate(macs, cold), faster, outputs];
}

const microseconds = ({ median }: Spread): string => median.toFixed(median < 100 ? 2 : 0);

/** Thousands of millions a second, median and best; empty where none are counted. */
function rate(count: number, { median, min }: Spread): string {
  const giga = (us: number): string => (count / us / 1000).toFixed(count / us < 1e5 ? 2 : 1);
  return count > 0 ? `${giga(median)} (${giga(min)})` : "";
}

/** Normalized mean squared error of `got` against `want`. */
export function difference(got: Float32Array, want: Float32Array): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    if (Object.is(got[i], want[i])) continue;
    error += (got[i] - want[i]) ** 2;
    size += want[i] ** 2;
  }
  return error === 0 ? 0 : error / size;
}
