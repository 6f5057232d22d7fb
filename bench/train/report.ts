/** Tables of measured training steps, and what floors and aims they reach. Measures nothing. */
import { textTable } from "../text_table.ts";
import type { AdapterSteps } from "./adapter_steps.ts";
import { fastest, type MeasuredCase } from "./measured_case.ts";

/** What a step is to reach of the core's own products, and a product of operations a second and thread. */
export const GOALS = {
  ofProducts: { floor: 0.6, aim: 0.75 },
  productPerThread: { floor: 45e9, aim: 60e9 },
} as const;

/** A line for each case. */
export function caseTable(cases: readonly MeasuredCase[]): string {
  const giga = (rate: number): string => (rate / 1e9).toFixed(1);
  const lines = cases.map((one) => [
    ...[one.name, `${one.threads}`, one.tokensPerSecond.toFixed(0), giga(one.operationsPerSecond)],
    giga(bestProduct(one)),
    reached(one.ofProducts, GOALS.ofProducts),
    one.torchTokensPerSecond?.toFixed(0) ?? "",
    one.ofTorch?.toFixed(2) ?? "",
    `${Math.round(one.memoryBytes / 2 ** 20)}`,
  ]);
  const heads = ["model", "threads", "tokens/s", "GFLOP/s", "products GFLOP/s", "of products"];
  return textTable([...heads, "PyTorch tokens/s", "aha/PyTorch", "core MiB"], lines);
}

/** The products' own goal, by the best turn of all. */
export function productLine(cases: readonly MeasuredCase[]): string {
  const rates = cases.map((one) => bestProduct(one) / one.threads);
  const best = Math.max(...rates);
  const { floor, aim } = GOALS.productPerThread;
  const level = best >= aim ? "aim" : best >= floor ? "floor" : "below the floor";
  return `f32 products: ${(best / 1e9).toFixed(1)} GFLOP/s a thread at best ` +
    `(floor ${floor / 1e9}, aim ${aim / 1e9}): ${level}`;
}

/** A line for each count of threads. */
export function adapterTable(all: readonly AdapterSteps[]): string {
  const lines = all.map((
    { model, threads, rank, sequences, tokens, tokensPerSecond, peakBytes },
  ) => [
    ...[model, `${rank}`, `${sequences} x ${tokens}`, `${threads}`, tokensPerSecond.toFixed(1)],
    peakBytes ? `${Math.round(peakBytes / 2 ** 20)}` : "",
  ]);
  return textTable(["adapters on", "rank", "batch", "threads", "tokens/s", "peak MiB"], lines);
}

const bestProduct = ({ turns }: MeasuredCase): number =>
  Math.max(...turns.map(({ products }) => fastest(products)));

function reached(share: number, { floor, aim }: { readonly floor: number; readonly aim: number }) {
  const level = share >= aim ? "aim" : share >= floor ? "floor" : "below";
  return `${(100 * share).toFixed(0)} % (${level})`;
}
