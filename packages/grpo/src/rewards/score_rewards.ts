/** Scores a batch by several reward functions: weighted totals, values by function, and what went wrong. No function can end the run. */
import type { Reward, RewardBatch } from "./reward.ts";
import { RowErrors } from "./row_errors.ts";

/** Something that a reward function did wrong. */
export interface RewardProblem {
  /** Name of the reward. */
  readonly reward: string;
  /** The row, or the first of several, where it is known. */
  readonly row?: number;
  readonly message: string;
}

/** What `scoreRewards` gives. */
export interface RewardScores {
  /** `[B]`: the weighted sum of what is not null; null where nothing is. */
  readonly totals: readonly (number | null)[];
  /** By name `[B]`, before weights. */
  readonly values: Readonly<Record<string, readonly (number | null)[]>>;
  /** Empty if all went well. */
  readonly problems: readonly RewardProblem[];
}

/** Options of `scoreRewards`. */
export interface ScoreOptions {
  /** Ends the scoring: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** The longest time a timer can wait. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Values of one function `[B]`. */
type Column = readonly (number | null)[];

/**
 * Scores a batch by all rewards, which run together as far as they are asynchronous.
 *
 * A function that throws, takes longer than its time, or gives no list of `B` finite numbers and nulls, has null where it
 * failed, and stands in `problems` with its row where that is known. A function that never waits cannot be interrupted in its own
 * thread: one that is merely slow has its values dropped afterwards, an endless loop goes on for ever. Functions that are
 * loaded by `loadRewardModule` run in a process of their own, which is killed when its time is over.
 *
 * Throws a RangeError for two rewards of one name, for a weight that is not finite and for a time limit that is no positive number; rejects with
 * the signal's reason when that is aborted.
 *
 * @example
 * ```ts
 * import { scoreRewards } from "@aha/grpo/rewards";
 *
 * const { totals, problems } = await scoreRewards([
 *   { name: "short", score: ({ completions }) => completions.map((text) => text.length < 9 ? 1 : 0) },
 *   { name: "broken", score: () => [Number.NaN, null], weight: 2 },
 * ], {
 *   prompts: ["2 + 2 =", "2 + 2 ="],
 *   completions: ["4", "That is four."],
 *   completionIds: [[20], [1, 2, 3]],
 *   isFinished: [true, true],
 *   columns: {},
 *   step: 1,
 * });
 * console.log(totals, problems[0].message); // [1, 0] "gave NaN for row 0, ..."
 * ```
 */
export async function scoreRewards(
  rewards: readonly Reward[],
  batch: RewardBatch,
  { signal }: ScoreOptions = {},
): Promise<RewardScores> {
  checkRewards(rewards);
  signal?.throwIfAborted();
  const problems: RewardProblem[] = [];
  const size = batch.completions.length;
  // Started one after the other before any clock runs: what one computes in this thread is not counted as another's waiting.
  const started = rewards.map((reward) => start(reward, batch));
  const columns = await Promise.all(started.map(async (run) => {
    const outcome = await finish(run, signal);
    return checkedColumn(run.reward, outcome, size, problems);
  }));
  signal?.throwIfAborted();
  const order = new Map(rewards.map(({ name }, at) => [name, at]));
  problems.sort((a, b) => order.get(a.reward)! - order.get(b.reward)!);
  return {
    totals: Array.from({ length: size }, (_, row) => total(rewards, columns, row)),
    values: Object.fromEntries(rewards.map(({ name }, at) => [name, columns[at]])),
    problems,
  };
}

function checkRewards(rewards: readonly Reward[]): void {
  const names = new Set<string>();
  for (const { name, weight = 1, timeoutMs = DEFAULT_TIMEOUT_MS } of rewards) {
    if (names.has(name)) {
      throw new RangeError(`two rewards are named ${name}, their metrics would be one`);
    }
    names.add(name);
    if (!Number.isFinite(weight)) {
      throw new RangeError(`weight of ${name} is ${weight}, it must be a finite number`);
    }
    if (!(timeoutMs > 0)) {
      throw new RangeError(`timeoutMs of ${name} is ${timeoutMs}, it must be a number above 0`);
    }
  }
}

/** What a function gave or threw. */
type Outcome = { readonly given: unknown } | { readonly error: unknown };

/** A function that has been called. */
interface Run {
  readonly reward: Reward;
  readonly aborted: AbortController;
  readonly outcome: Outcome | Promise<Outcome>;
  /** Spent in this thread before the call came back. */
  readonly spentMs: number;
}

function start(reward: Reward, batch: RewardBatch): Run {
  const aborted = new AbortController();
  const begin = performance.now();
  let outcome: Run["outcome"];
  try {
    const given: unknown = reward.score(batch, { signal: aborted.signal });
    outcome = isThenable(given)
      ? Promise.resolve(given).then((late): Outcome => ({ given: late }), (error) => ({ error }))
      : { given };
  } catch (error) {
    outcome = { error };
  }
  return { reward, aborted, outcome, spentMs: performance.now() - begin };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null)?.then === "function";
}

async function finish(run: Run, signal: AbortSignal | undefined): Promise<Outcome> {
  const { reward: { timeoutMs = DEFAULT_TIMEOUT_MS }, aborted, spentMs } = run;
  const late = () => new DOMException(`took longer than ${timeoutMs} ms`, "TimeoutError");
  if (spentMs > timeoutMs) {
    aborted.abort(late());
    return {
      error: new DOMException(
        `took ${Math.round(spentMs)} ms, its limit is ${timeoutMs} ms`,
        "TimeoutError",
      ),
    };
  }
  if (!(run.outcome instanceof Promise)) return run.outcome;
  const { promise: cut, resolve } = Promise.withResolvers<Outcome>();
  const stop = (reason: unknown) => {
    resolve({ error: reason });
    aborted.abort(reason);
  };
  const stopWithRun = () => stop(signal?.reason);
  const timer = setTimeout(() => stop(late()), Math.min(timeoutMs - spentMs, MAX_TIMEOUT_MS));
  signal?.addEventListener("abort", stopWithRun, { once: true });
  if (signal?.aborted) stopWithRun();
  try {
    return await Promise.race([run.outcome, cut]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stopWithRun);
  }
}

/** The function's values with null for all that is none, and its problems added. */
function checkedColumn(
  reward: Reward,
  outcome: Outcome,
  size: number,
  problems: RewardProblem[],
): Column {
  const report = (message: string, row?: number) =>
    void problems.push({ reward: reward.name, ...(row !== undefined && { row }), message });
  const nothing = new Array<null>(size).fill(null);
  let given = "given" in outcome ? outcome.given : undefined;
  if ("error" in outcome) {
    const { error } = outcome;
    if (!(error instanceof RowErrors)) {
      const row = rowOf(error);
      report(row === undefined ? messageOf(error) : `row ${row}: ${messageOf(error)}`, row);
      return nothing;
    }
    report(rowsMessage(error), error.rows[0]);
    given = error.values;
  }
  if (!isList(given)) {
    report(`gave ${describe(given)}, it must give a list of ${size} numbers or nulls`);
    return nothing;
  }
  if (given.length !== size) {
    report(`gave ${given.length} values for ${size} completions`);
    return nothing;
  }
  return finiteColumn(reward, given, report);
}

function finiteColumn(
  { weight = 1 }: Reward,
  given: ArrayLike<unknown>,
  report: (message: string, row: number) => void,
): Column {
  const bad: number[] = [];
  const values = Array.from(given, (value, row) => {
    if (value === null) return null;
    if (typeof value === "number" && Number.isFinite(value * weight)) return value;
    bad.push(row);
    return null;
  });
  if (bad.length > 0) {
    const others = bad.length > 1 ? ` and ${bad.length - 1} other rows` : "";
    const [row] = bad;
    report(
      `gave ${describe(given[row])} for row ${row}${others}, not a finite number or null`,
      row,
    );
  }
  return values;
}

function total(rewards: readonly Reward[], columns: readonly Column[], row: number): number | null {
  let sum: number | null = null;
  columns.forEach((column, at) => {
    const value = column[row];
    if (value !== null) sum = (sum ?? 0) + value * (rewards[at].weight ?? 1);
  });
  return sum;
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : `threw ${describe(error)}`;
}

function rowsMessage({ rows, errors }: RowErrors): string {
  const others = rows.length > 1 ? ` (and ${rows.length - 1} other rows failed)` : "";
  return `row ${rows[0]}: ${messageOf(errors[0])}${others}`;
}

/** An error may say which row it is about. */
function rowOf(error: unknown): number | undefined {
  const row = (error as { readonly row?: unknown } | null | undefined)?.row;
  return Number.isSafeInteger(row) ? row as number : undefined;
}
