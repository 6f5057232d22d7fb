/** Gathers the events of answers into whole results, one or many at once. Generates nothing itself. */
import type { Completion, GenerationEvent, TokenLogprob } from "../events.ts";

/** The whole result of an answer; `onEvent` sees each event first. */
export async function completionOf(
  promptIds: readonly number[],
  events: AsyncIterable<GenerationEvent>,
  onEvent?: (event: GenerationEvent) => void,
): Promise<Completion> {
  const ids: number[] = [];
  const logprobs: number[] = [];
  const alternatives: (readonly TokenLogprob[])[] = [];
  const texts = { content: "", reasoning: "" };
  for await (const event of events) {
    onEvent?.(event);
    if (event.type === "end") {
      const { finishReason, usage, timings } = event;
      const { content: text, reasoning } = texts;
      const top = alternatives.length > 0 ? { alternatives } : {};
      return { promptIds, ids, logprobs, ...top, text, reasoning, finishReason, usage, timings };
    }
    texts[event.type] += event.text;
    ids.push(...event.ids);
    logprobs.push(...event.logprobs);
    alternatives.push(...event.alternatives ?? []);
  }
  throw new Error("The generation ended without an end event");
}

/**
 * Runs all at once; the first failure aborts the others through the signal that each is given, and is thrown when they
 * have ended.
 */
export async function allOrNone<T>(
  runs: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal?: AbortSignal,
): Promise<T[]> {
  const failure = new AbortController();
  const either = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
  const settled = await Promise.allSettled(runs.map(async (run) => {
    try {
      return await run(either);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  }));
  if (signal?.aborted) throw signal.reason;
  if (failure.signal.aborted) throw failure.signal.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<T>).value);
}

/** Of each prompt, how many equal ones stand before it. */
export function occurrences(prompts: readonly (readonly number[])[]): number[] {
  const seen = new Map<string, number>();
  return prompts.map((ids) => {
    const key = ids.join();
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    return count;
  });
}
