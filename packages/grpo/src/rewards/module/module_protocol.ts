/** What a run and the process of a reward module say to each other, as JSON. Errors cross as data; starts nothing. */
import type { Reward, RewardBatch } from "../reward.ts";
import { RowErrors } from "../row_errors.ts";

export type ToModule =
  | { readonly kind: "load"; readonly href: string; readonly exportName: string }
  | { readonly kind: "score"; readonly id: number; readonly batch: RewardBatch };

/** What a module says of its reward besides the function. */
export type ModuleReward = Omit<Reward, "score">;

export type FromModule =
  | { readonly kind: "loaded"; readonly reward: ModuleReward }
  | { readonly kind: "refused"; readonly error: CrossingError }
  | { readonly kind: "scored"; readonly id: number; readonly values: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly error: CrossingError };

/** An error as data. */
export interface CrossingError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly row?: number;
  /** Of RowErrors. */
  readonly partial?: {
    readonly values: readonly (number | null)[];
    readonly rows: readonly number[];
    readonly errors: readonly CrossingError[];
  };
}

/** The error as data that any process can receive. */
export function crossingError(error: unknown): CrossingError {
  if (!(error instanceof Error)) return { name: "Error", message: `threw ${String(error)}` };
  const { name, message, stack } = error;
  const row = (error as { readonly row?: unknown }).row;
  const crossed = { name, message, stack, ...(typeof row === "number" && { row }) };
  if (!(error instanceof RowErrors)) return crossed;
  const { values, rows, errors } = error;
  return { ...crossed, partial: { values, rows, errors: errors.map(crossingError) } };
}

/** The error again: RowErrors, or an Error with the name it had. */
export function arrivedError({ name, message, stack, row, partial }: CrossingError): Error {
  if (partial) return new RowErrors(partial.values, partial.rows, partial.errors.map(arrivedError));
  const error = new Error(message);
  error.name = name;
  if (stack) error.stack = stack;
  return row === undefined ? error : Object.assign(error, { row });
}
