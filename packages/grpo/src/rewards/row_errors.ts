/** Rewards that are made row by row: a row that fails is null and named, the others keep their values. Sums up nothing. */
import type { RewardBatch, RewardFunction, RewardTools } from "./reward.ts";

/** Thrown by a reward function that could judge some rows and not others. */
export class RowErrors extends AggregateError {
  override readonly name = "RowErrors";

  /** `values` `[B]`, null where a row failed; `rows`: the rows of `errors`, in their order. */
  constructor(
    readonly values: readonly (number | null)[],
    readonly rows: readonly number[],
    errors: readonly unknown[],
  ) {
    super(errors, `${rows.length} of ${values.length} rows failed`);
  }
}

/** One row of a batch. */
export interface RewardRow {
  readonly row: number;
  readonly prompt: RewardBatch["prompts"][number];
  readonly completion: string;
  readonly completionIds: ArrayLike<number>;
  readonly isFinished: boolean;
  /** The task's other columns. */
  readonly columns: Readonly<Record<string, unknown>>;
  readonly step: number;
}

/** Score of one row; what it throws costs this row only. */
export type RowScore = (row: RewardRow, tools: RewardTools) =>
  | number
  | null
  | Promise<number | null>;

/**
 * A reward function out of one that scores a single row. Rows are independent: one that throws is null, and `scoreRewards`
 * names it. Promises of all rows are waited for together.
 *
 * @example
 * ```ts
 * import { scoreRows } from "@aha/grpo/rewards";
 *
 * const isShort = scoreRows(({ completion }) => completion.length < 100 ? 1 : 0);
 * ```
 */
export function scoreRows(score: RowScore): RewardFunction {
  return (batch, tools) => {
    const values: (number | null)[] = [];
    const failures: { readonly row: number; readonly error: unknown }[] = [];
    const waiting: Promise<void>[] = [];
    batch.completions.forEach((_, row) => {
      values[row] = null;
      const fail = (error: unknown) => void failures.push({ row, error });
      try {
        const value = score(rowOf(batch, row), tools);
        if (!(value instanceof Promise)) values[row] = value;
        else waiting.push(value.then((late) => void (values[row] = late), fail));
      } catch (error) {
        fail(error);
      }
    });
    const finish = () => {
      if (failures.length === 0) return values;
      failures.sort((a, b) => a.row - b.row);
      throw new RowErrors(values, failures.map(({ row }) => row), failures.map((it) => it.error));
    };
    return waiting.length > 0 ? Promise.all(waiting).then(finish) : finish();
  };
}

function rowOf(batch: RewardBatch, row: number): RewardRow {
  return {
    row,
    prompt: batch.prompts[row],
    completion: batch.completions[row],
    completionIds: batch.completionIds[row],
    isFinished: batch.isFinished[row],
    columns: Object.fromEntries(
      Object.entries(batch.columns).map(([column, values]) => [column, values[row]]),
    ),
    step: batch.step,
  };
}
