/** What a reward function is given and gives. Types only. */
import type { ChatMessage } from "@aha/runtime";

/** Completions to be judged `[B]`, those of a group one after the other. */
export interface RewardBatch {
  /** As the task gave them. */
  readonly prompts: readonly (string | readonly ChatMessage[])[];
  /** Text of the completions, control tokens written out, the end token apart. Begins with what the prompt has begun of an answer, if anything. */
  readonly completions: readonly string[];
  readonly completionIds: readonly ArrayLike<number>[];
  /** Whether a completion ended by itself, rather than at `maxCompletionLength`. */
  readonly isFinished: readonly boolean[];
  /** The task's other columns (`answer`, ...), a value a row. */
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
  /** Step of training, from 1; 0 outside of one. */
  readonly step: number;
}

/** What a function may use besides. */
export interface RewardTools {
  /** Aborted when its time is over or the run ends. */
  readonly signal: AbortSignal;
}

/** Scores `[B]`; `null`: cannot be judged, counts neither for nor against. */
export type RewardFunction = (
  batch: RewardBatch,
  tools: RewardTools,
) => readonly (number | null)[] | Promise<readonly (number | null)[]>;

/** A reward of a run. */
export interface Reward {
  /** Under which its metrics stand: `rewards/NAME/mean`. */
  readonly name: string;
  readonly score: RewardFunction;
  /** Factor in the sum. Default 1. */
  readonly weight?: number;
  /** After so long all of its rows are null. Default 60,000. */
  readonly timeoutMs?: number;
}
