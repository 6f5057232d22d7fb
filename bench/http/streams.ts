/** Streams over HTTP as a client reads them: what becomes of one, when its tokens come. Measures no server alone. */

/** What is continued: ids, so that an engine can be asked the same. */
export interface StreamRequest {
  readonly prompt: readonly number[];
  readonly tokens: number;
  readonly seed: number;
}

/** What became of a stream. */
export interface StreamOutcome {
  /** `refused`: 429 with a time to come back and a sentence; anything that is neither is `broken`. */
  readonly kind: "complete" | "refused" | "broken";
  readonly status: number;
  readonly tokens: number;
  /** When frames with text came, milliseconds of `performance.now`. */
  readonly arrivals: readonly number[];
  /** Where it is broken, the last that came. */
  readonly tail: string;
}

/** Prompts that differ from their first token on, so that nothing is taken from one for another. */
export function promptOf(vocabulary: number, tokens: number, number: number): number[] {
  return Array.from(
    { length: tokens },
    (_, i) => (i * 31 + 7 + number * 101) % (vocabulary - 8) + 4,
  );
}

/** Asks for a stream and reads it to its end. */
export async function readStream(url: string, request: StreamRequest): Promise<StreamOutcome> {
  const { prompt, tokens, seed } = request;
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...{ prompt, max_tokens: tokens, seed, temperature: 1, ignore_eos: true, stream: true },
      stream_options: { include_usage: true },
    }),
  });
  if (response.status !== 200 || !response.body) return await refusal(response);
  const arrivals: number[] = [];
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const now = performance.now();
    if (piece.includes('"text"')) arrivals.push(now);
    text += piece;
  }
  const [, completed] = /"completion_tokens":(\d+)/.exec(text) ?? [];
  const isComplete = text.endsWith("data: [DONE]\n\n") && Number(completed) === tokens;
  return {
    kind: isComplete ? "complete" : "broken",
    ...{ status: 200, tokens: Number(completed ?? 0), arrivals, tail: text.slice(-300) },
  };
}

async function refusal(response: Response): Promise<StreamOutcome> {
  const text = await response.text();
  const isClean = response.status === 429 && Number(response.headers.get("retry-after")) > 0 &&
    JSON.parse(text).error?.message !== undefined;
  const { status } = response;
  return { kind: isClean ? "refused" : "broken", status, tokens: 0, arrivals: [], tail: text };
}
