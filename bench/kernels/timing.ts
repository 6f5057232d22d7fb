/** Times one kernel on several cores that take turns. Knows no kernel and prints nothing. */
import { type Spread, spreadOf } from "../spread.ts";
import type { BenchCore } from "./bench_core.ts";
import type { KernelCase, Prepared } from "./kernel_case.ts";

/** Calls of a sample take about so long, more where one call does: that one needs no warm-up. */
const SAMPLE_MS = 5;
/** Before each sample, so that helpers are awake and the code is hot. */
const WARM_UP_MS = 2;

/** Microseconds of one call. */
export interface Timed {
  /** Going through all copies. */
  readonly cold: Spread;
  /** On one copy again and again; null where there is only one. */
  readonly hot: Spread | null;
  readonly output: Float32Array;
}

interface Lane {
  readonly core: BenchCore;
  readonly prepared: Prepared;
  readonly copies: number;
  readonly samples: number[];
  turn: number;
  calls: number;
}

/** Times a case on each core. All take turns within each repeat, so that a drifting machine touches them alike. */
export async function timeCase(
  one: KernelCase,
  cores: readonly BenchCore[],
  repeats: number,
): Promise<{ readonly timed: Timed[]; readonly ratios: number[] }> {
  const lanes = cores.map((core) => {
    const prepared = one.prepare(core);
    const lane = (copies: number): Lane => ({
      ...{ core, prepared, copies, samples: [], turn: 0, calls: 0 },
    });
    return { cold: lane(prepared.copies), hot: prepared.copies > 1 ? lane(1) : undefined };
  });
  for (let repeat = -1; repeat < repeats; repeat++) {
    for (const { cold, hot } of lanes) {
      for (const lane of hot ? [cold, hot] : [cold]) {
        const us = sample(lane, one);
        if (repeat >= 0) lane.samples.push(us); // the first may have run half compiled code
      }
      await cold.core.settle();
    }
  }
  const timed = lanes.map(({ cold, hot }): Timed => {
    cold.prepared.run(0);
    return { cold: spread(cold), hot: hot ? spread(hot) : null, output: cold.prepared.output() };
  });
  const [first, second] = lanes;
  const ratios = second ? first.cold.samples.map((us, i) => us / second.cold.samples[i]) : [];
  for (const core of cores) core.clear();
  return { timed, ratios };
}

/** Microseconds of a call. */
function sample(lane: Lane, one: KernelCase): number {
  if (lane.calls !== 1) {
    const warm = performance.now();
    let warmed = 0;
    do {
      call(lane, one);
      warmed++;
    } while (performance.now() - warm < WARM_UP_MS);
    lane.calls ||= Math.ceil(SAMPLE_MS * warmed / (performance.now() - warm));
  }
  const start = performance.now();
  for (let i = 0; i < lane.calls; i++) call(lane, one);
  return 1000 * (performance.now() - start) / lane.calls;
}

function call(lane: Lane, { kernel }: KernelCase): void {
  const status = lane.prepared.run(lane.turn);
  if (++lane.turn === lane.copies) lane.turn = 0;
  const isRefused = kernel.startsWith("draw") ? status < 0 : status !== 0;
  if (isRefused) throw new RangeError(`The core refused ${kernel}: status ${status}`);
}

function spread({ samples }: Lane): Spread {
  const all = spreadOf(samples);
  if (!all) throw new RangeError("Nothing was timed");
  return all;
}
