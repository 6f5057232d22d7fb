/** Many streams at once, and how /health answers meanwhile. Compares nothing with a floor. */
import { type Latency, watchHealth } from "./health_watch.ts";
import { promptOf, readStream } from "./streams.ts";

/** What became of a crowd. */
export interface Crowd {
  readonly streams: number;
  readonly complete: number;
  readonly refused: number;
  /** What came of those that were neither. */
  readonly broken: readonly string[];
  readonly tokensPerSecond: number;
  readonly health: Latency;
}

/** How big it is. */
export interface CrowdSize {
  readonly streams: number;
  readonly promptTokens: number;
  readonly tokens: number;
  readonly vocabulary: number;
  /** Tells apart what is asked from time to time. */
  readonly round: number;
}

/** Asks for so many streams at the same moment. */
export async function crowd(url: string, size: CrowdSize): Promise<Crowd> {
  const { streams, promptTokens, tokens, vocabulary, round } = size;
  const watch = watchHealth(url);
  const started = performance.now();
  const outcomes = await Promise.all(
    Array.from({ length: streams }, (_, i) =>
      readStream(url, {
        prompt: promptOf(vocabulary, promptTokens, round * streams + i),
        ...{ tokens, seed: i },
      })),
  );
  const seconds = (performance.now() - started) / 1_000;
  const of = (kind: string) => outcomes.filter((outcome) => outcome.kind === kind);
  return {
    ...{ streams, complete: of("complete").length, refused: of("refused").length },
    broken: of("broken").map(({ status, tail }) => `${status}: ${tail}`),
    tokensPerSecond: outcomes.reduce((sum, outcome) => sum + outcome.tokens, 0) / seconds,
    health: await watch.stop(),
  };
}
