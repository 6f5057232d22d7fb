/** How long steps take, and how long the rest of a run will. Draws nothing. */

/** Steps whose mean tells of the next ones. */
const REMEMBERED = 20;

/** Ends of steps. */
export class StepClock {
  readonly #ends: number[];

  /** `now` gives milliseconds. */
  constructor(private readonly now: () => number) {
    this.#ends = [now()];
  }

  endStep(): void {
    this.#ends.push(this.now());
    if (this.#ends.length > REMEMBERED + 1) this.#ends.shift();
  }

  /** Mean of the last steps; undefined before the first one. */
  get secondsPerStep(): number | undefined {
    const steps = this.#ends.length - 1;
    return steps === 0 ? undefined : (this.#ends[steps] - this.#ends[0]) / steps / 1000;
  }
}

/** `3723` as `1h 02m`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  const [days, hours] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24];
  const [minutes, rest] = [Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  if (days > 0) return `${days}d ${two(hours)}h`;
  if (hours > 0) return `${hours}h ${two(minutes)}m`;
  return minutes > 0 ? `${minutes}m ${two(rest)}s` : `${rest}s`;
}
