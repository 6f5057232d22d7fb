/** What is asked of the server, and whether it was reached. Measures nothing. */
import type { Crowd } from "./crowd.ts";
import { medianOf, type Rates } from "./rates.ts";
import type { Soak } from "./soak.ts";

/** Growth is that of the trend over the soak's last half. */
export const FLOORS = { rateRatio: 0.8, addedTokenMs: 1, healthMs: 100, rssGrowth: 0.05 };

/** All that is measured. */
export interface Figures {
  readonly crowds: Readonly<Record<string, Crowd>>;
  readonly rates: Readonly<Record<string, Rates>>;
  readonly soak: Soak;
}

/** A floor with what was reached. */
export interface Verdict {
  readonly what: string;
  readonly figure: string;
  readonly floor: string;
  readonly isReached: boolean;
  /** Whether it says how fast the machine was, beside whatever else ran; all else must hold on any machine. */
  readonly isSpeed: boolean;
}

/** What soaks may be answered with; `left` by themselves. */
const FINE = new Set(["200", "400", "404", "429", "left"]);

/** All verdicts; a check takes the best repeats: a neighbour on a shared machine slows some, nothing speeds one up. */
export function verdictsOf(figures: Figures, isCheck: boolean): Verdict[] {
  return [...soundness(figures), ...speeds(figures, isCheck)];
}

function soundness({ crowds, soak }: Figures): Verdict[] {
  const { statuses, trend, leftovers } = soak;
  const faults = Object.entries(statuses).filter(([status]) => !FINE.has(status));
  const left = Object.entries(leftovers).filter(([, count]) => count > 0);
  const listed = (entries: readonly (readonly [string, number])[]) =>
    entries.map(([what, count]) => `${count} ${what}`).join(", ") || "none";
  const sound = (what: string, figure: string, floor: string, isReached: boolean): Verdict => ({
    ...{ what, figure, floor, isReached, isSpeed: false },
  });
  const { rssGrowth } = FLOORS;
  return [
    ...Object.entries(crowds).map(([what, { streams, complete, refused }]) =>
      sound(
        `${what}: complete or refused`,
        `${complete} + ${refused}`,
        `${streams}`,
        complete + refused === streams,
      )
    ),
    sound("soak: faults, resets", listed(faults), "none", faults.length === 0),
    sound("soak: left behind", listed(left), "none", left.length === 0),
    sound(
      "soak: growth of RSS",
      trend.growth.toFixed(3),
      `${rssGrowth}`,
      trend.growth <= rssGrowth,
    ),
  ];
}

function speeds({ crowds, rates, soak }: Figures, isCheck: boolean): Verdict[] {
  const { rateRatio, addedTokenMs, healthMs } = FLOORS;
  const ratio = ({ http, engine }: Rates) =>
    isCheck ? Math.max(...http) / Math.max(...engine) : medianOf(http) / medianOf(engine);
  const added = ({ httpTokenMs, engineTokenMs }: Rates) =>
    isCheck
      ? Math.min(...httpTokenMs) - Math.min(...engineTokenMs)
      : medianOf(httpTokenMs.map((ms, i) => ms - engineTokenMs[i]));
  const speed = (what: string, figure: number, floor: number, isReached: boolean): Verdict => ({
    ...{ what, figure: figure.toFixed(3), floor: `${floor}`, isReached, isSpeed: true },
  });
  const smol = ratio(rates.SmolLM2);
  return [
    speed("8 streams to the engine's batch of 8, SmolLM2", smol, rateRatio, smol >= rateRatio),
    ...Object.entries(rates).map(([model, rate]) => {
      const ms = added(rate);
      return speed(`HTTP adds a token, ${model}, ms`, ms, addedTokenMs, ms <= addedTokenMs);
    }),
    ...Object.entries(crowds).map(([what, { health: { p50, p99 } }]) => {
      // Of a second, the 99th percentile is the worst moment, which a neighbour may have made.
      const [which, figure] = isCheck ? ["p50", p50] as const : ["p99", p99] as const;
      return speed(`/health, ${what}, ${which} ms`, figure, healthMs, figure <= healthMs);
    }),
    speed("/health, soak, p99 ms", soak.health.p99, healthMs, soak.health.p99 <= healthMs),
  ];
}
