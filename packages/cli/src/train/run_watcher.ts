/** Shows a run as it goes on: in place on a terminal, else a line a step; both on stderr. Trains and saves nothing. */
import type { RunStart, StepRecord, TrainHooks } from "@aha/grpo";
import process from "node:process";
import type { CommandIo } from "../command.ts";
import { printable } from "../terminal/size_text.ts";
import { LiveRegion } from "./live_region.ts";
import { runLines, stepLine } from "./run_view.ts";
import { StepClock } from "./step_clock.ts";
import { type Paint, painted, unpainted } from "./styled_line.ts";

const NOTICE = "Ctrl-C saves as of the last whole step and ends";
const DEFAULT_ROWS = 24;

/** The hooks of a run that is watched. `now` gives milliseconds. */
export class RunWatcher {
  readonly #history = new Map<string, number[]>();
  readonly #region: LiveRegion | undefined;
  readonly #paint: Paint;
  #clock: StepClock;
  #last: StepRecord | undefined;
  #warning: string | undefined;
  #notice = NOTICE;

  constructor(
    private readonly title: string,
    private readonly io: CommandIo,
    private readonly now: () => number = () => performance.now(),
  ) {
    const { NO_COLOR, TERM } = process.env;
    const isLive = io.errorIsTerminal && TERM !== "dumb";
    this.#paint = isLive && !NO_COLOR ? painted : unpainted;
    this.#clock = new StepClock(now);
    if (isLive) this.#region = new LiveRegion((text) => io.error(text), () => io.columns);
  }

  /** What the trainer calls. */
  get hooks(): Pick<
    TrainHooks,
    "onStart" | "onStep" | "onWarning" | "onMessage" | "signal"
  > {
    const { signal } = this.io;
    signal.addEventListener("abort", () => this.#end(), { once: true });
    return {
      signal,
      onStart: (start) => this.#start(start),
      onStep: (record) => this.#step(record),
      onWarning: (text) => this.#warn(text),
      onMessage: (text) => this.#say(printable(text)),
    };
  }

  #start({ step, totalSteps, stage }: RunStart): void {
    this.#clock = new StepClock(this.now);
    this.#history.clear();
    const begun = step > 0 ? `going on after step ${step} of ${totalSteps}` : `${totalSteps} steps`;
    this.#say(`${stage === undefined ? this.title : `${this.title}, ${stage}`}: ${begun}`);
  }

  #step(record: StepRecord): void {
    this.#clock.endStep();
    this.#last = record;
    for (const [name, value] of Object.entries(record.metrics)) {
      const values = this.#history.get(name) ?? [];
      values.push(value);
      this.#history.set(name, values);
    }
    if (this.#region) this.#draw();
    else this.io.error(`${stepLine({ record, secondsPerStep: this.#clock.secondsPerStep })}\n`);
  }

  #warn(text: string): void {
    this.#warning = text;
    this.#say(this.#paint(`warning: ${printable(text)}`, "warning"));
    if (this.#region) this.#draw();
  }

  #end(): void {
    this.#notice = "Saving as of the last whole step; Ctrl-C again ends at once";
    if (this.#region && this.#last) this.#draw();
    else this.#say(this.#notice);
  }

  /** Writes a line that stays. */
  #say(line: string): void {
    if (this.#region) this.#region.print(line);
    else this.io.error(`${line}\n`);
  }

  #draw(): void {
    if (!this.#last) return;
    const { columns, rows = DEFAULT_ROWS } = this.io;
    const state = {
      title: this.title,
      record: this.#last,
      history: this.#history,
      secondsPerStep: this.#clock.secondsPerStep,
      warning: this.#warning,
      notice: this.#notice,
    };
    this.#region?.update(runLines(state, { columns, rows, paint: this.#paint }));
  }
}
