/** Steps of Aha and of its peer side by side: medians, ratios, what is asked for. Measures nothing. */
import { type Spread, spreadOf } from "../spread.ts";
import { textTable } from "../text_table.ts";
import type { Told, Way } from "./workload.ts";

export const PEERS = ["aha", "trl"] as const;
export type PeerName = typeof PEERS[number];

/** One process. */
export interface Measurement {
  readonly peer: PeerName;
  readonly way: Way;
  readonly repeat: number;
  /** Share of all cores that others used just before; null where the system does not tell. */
  readonly busyBefore: number | null;
  readonly peakBytes: number | null;
  readonly told: Told;
}

/** All processes of a peer that went one way. */
export interface Figures {
  /** Of a step. */
  readonly seconds: Spread | null;
  /** Processor time of a step, all threads together: what other programs on the machine change least. */
  readonly cpuSeconds: Spread | null;
  /** Of `seconds`, of drawing the completions. */
  readonly rolloutSeconds: Spread | null;
  /** VmHWM of a process. */
  readonly peakBytes: Spread | null;
}

/** Aha against its peer, both going one way. */
export interface Row {
  readonly way: Way;
  readonly aha: Figures;
  readonly trl: Figures;
  /** Steps in the same time: the peer's median over Aha's. */
  readonly speed: number | null;
  /** The same of processor time. */
  readonly cpuSpeed: number | null;
  /** Aha's median over the peer's. */
  readonly memory: number | null;
}

/** What is asked for at least, and what is aimed at. */
export const GOALS = { speed: { floor: 1.2, aim: 2.5 }, memory: { floor: 0.5 } } as const;

/** Medians of each way; the first `warmUps` steps of each process do not count. */
export function rowsOf(measurements: readonly Measurement[], warmUps: number): Row[] {
  const ways = [...new Set(measurements.map(({ way }) => way))];
  return ways.map((way) => {
    const [aha, trl] = PEERS.map((peer) =>
      figuresOf(measurements.filter((one) => one.way === way && one.peer === peer), warmUps)
    );
    return {
      ...{ way, aha, trl },
      speed: quotient(trl.seconds, aha.seconds),
      cpuSpeed: quotient(trl.cpuSeconds, aha.cpuSeconds),
      memory: quotient(aha.peakBytes, trl.peakBytes),
    };
  });
}

function figuresOf(measurements: readonly Measurement[], warmUps: number): Figures {
  const counted = (pick: (told: Told) => readonly number[]) =>
    spreadOf(measurements.flatMap(({ told }) => pick(told).slice(warmUps)));
  return {
    seconds: counted(({ seconds }) => seconds),
    cpuSeconds: counted(({ cpuSeconds }) => cpuSeconds),
    rolloutSeconds: counted(({ rolloutSeconds }) => rolloutSeconds),
    peakBytes: spreadOf(measurements.flatMap(({ peakBytes }) => peakBytes ?? [])),
  };
}

function quotient(a: Spread | null, b: Spread | null): number | null {
  return a && b ? a.median / b.median : null;
}

/** What is reached in every way that was measured, and that nothing was where that is so. */
export function verdicts(rows: readonly Row[]): string[] {
  const { speed, memory } = GOALS;
  const speedText = (ratios: readonly number[]) => {
    if (ratios.length === 0) return "not measured";
    const worst = Math.min(...ratios);
    const reached = worst >= speed.aim ? "aim" : worst >= speed.floor ? "floor" : "MISSED";
    return `${worst.toFixed(2)} x, ${reached}`;
  };
  const asked = `floor ${speed.floor} x, aim ${speed.aim} x`;
  const memories = rows.flatMap((row) => row.memory ?? []);
  const most = Math.max(...memories);
  return [
    `a step against TRL's: ${asked}: ${speedText(rows.flatMap((row) => row.speed ?? []))}`,
    `its processor time: ${asked}: ${speedText(rows.flatMap((row) => row.cpuSpeed ?? []))}`,
    `peak memory against TRL's: floor ${memory.floor} x: ` +
    (memories.length > 0
      ? `${most.toFixed(2)} x, ${most <= memory.floor ? "floor" : "MISSED"}`
      : "not measured"),
  ];
}

/** The rows as a table. */
export function table(rows: readonly Row[]): string {
  const shown = (spread: Spread | null, scale = 1, digits = 2) =>
    spread
      ? [spread.median, spread.min, spread.max].map((one) => (one / scale).toFixed(digits))
        .join(" / ")
      : "-";
  const heads = [
    ...["way", "who", "step [s]", "of it rollouts [s]", "processor time [s]", "peak [MiB]"],
    ...["speed", "by processor time", "memory"],
  ];
  const lines = rows.flatMap((row) =>
    PEERS.map((peer) => {
      const { seconds, rolloutSeconds, cpuSeconds, peakBytes } = row[peer];
      const ratio = (value: number | null) => peer === "aha" ? value?.toFixed(2) ?? "-" : "";
      return [
        ...[row.way, peer, shown(seconds), shown(rolloutSeconds), shown(cpuSeconds)],
        ...[shown(peakBytes, 2 ** 20, 0), ...[row.speed, row.cpuSpeed, row.memory].map(ratio)],
      ];
    })
  );
  return textTable(heads, lines);
}
