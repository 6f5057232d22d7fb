/** What evaluation asks of a model. Types only: the model behind it is none of evaluation's business. */
import type { TaskRow } from "../tasks/task.ts";

/** How to sample. */
export interface SampleRequest {
  /** Completions of each prompt. */
  readonly samples: number;
  /** 0: greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** Most tokens of a completion. */
  readonly maxTokens: number;
  /** Draws are keyed by (seed, number of the prompt, sample, position), so they do not depend on how prompts are cut into calls. */
  readonly seed: number;
  /** Number of the first prompt of this call in the suite. */
  readonly firstPrompt: number;
  /** The thought is ended after so many tokens; 0: nothing is thought. */
  readonly thinkingBudget?: number;
  readonly signal?: AbortSignal;
}

/** One completion. */
export interface SampledCompletion {
  /** With the tags of the thought, and what the prompt has begun of it; without the end token. */
  readonly text: string;
  /** Tokens that were generated. */
  readonly tokens: number;
  /** Tokens of the thought, where the sampler knows them; else the verifier's count stands. */
  readonly thoughtTokens?: number;
  /** Whether it ended by itself rather than at `maxTokens`. */
  readonly isFinished: boolean;
}

/** Completions `[prompts][samples]`. */
export type Sampler = (
  prompts: readonly TaskRow["prompt"][],
  request: SampleRequest,
) => Promise<readonly (readonly SampledCompletion[])[]>;
