/** What the server has done so far and what it is doing, for GET /metrics. Opens no route and asks no model. */
import type { Timings, Usage } from "@aha/runtime";
import type { EngineStatus } from "../engine/engine.ts";
import { Histogram } from "./histogram.ts";
import { type MetricFamily, metricsText, type Sample } from "./metrics_text.ts";

/** The end of one answer. */
export interface FinishedAnswer {
  readonly usage: Usage;
  readonly timings: Timings;
}

/** A request that is over. */
export interface FinishedRequest {
  readonly method: string;
  /** The pattern that its path matched: paths themselves would be names without end. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly answers: readonly FinishedAnswer[];
}

/** Seconds: from a health check to a long answer of a slow device. */
const DURATION_BOUNDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** Sums over all answers. */
const NO_ANSWERS = {
  ...{ promptTokens: 0, cachedTokens: 0, promptSeconds: 0 },
  ...{ answerTokens: 0, reasoningTokens: 0, answerSeconds: 0, draftedTokens: 0, acceptedTokens: 0 },
};

/** Counts since the server's start: they only ever grow. */
export class Metrics {
  /** By route, method and status, as JSON. */
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();
  readonly #firstToken = new Histogram(DURATION_BOUNDS);
  #sums = NO_ANSWERS;

  observe({ method, route, status, durationMs, answers }: FinishedRequest): void {
    const key = JSON.stringify({ route, method, status: `${status}` });
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    const durations = this.#durations.get(route) ?? new Histogram(DURATION_BOUNDS);
    durations.observe(durationMs / 1_000);
    this.#durations.set(route, durations);
    for (const answer of answers) this.#add(answer);
  }

  #add({ usage, timings }: FinishedAnswer): void {
    const sums = this.#sums;
    const firstSeconds = timings.timeToFirstTokenMs / 1_000;
    const { tokensPerSecond: rate, draftedTokens, acceptedTokens } = timings;
    this.#firstToken.observe(firstSeconds);
    this.#sums = {
      promptTokens: sums.promptTokens + usage.promptTokens - usage.cachedPromptTokens,
      cachedTokens: sums.cachedTokens + usage.cachedPromptTokens,
      promptSeconds: sums.promptSeconds + firstSeconds,
      answerTokens: sums.answerTokens + usage.completionTokens,
      reasoningTokens: sums.reasoningTokens + usage.reasoningTokens,
      answerSeconds: sums.answerSeconds + (rate > 0 ? usage.completionTokens / rate : 0),
      draftedTokens: sums.draftedTokens + draftedTokens,
      acceptedTokens: sums.acceptedTokens + acceptedTokens,
    };
  }

  /** The text that Prometheus reads; names with `llamacpp:` mean what llama-server's mean. */
  text(status: EngineStatus): string {
    return metricsText([
      ...this.#answerFamilies(),
      ...this.#requestFamilies(),
      ...placeFamilies(status),
      ...modelFamilies(status),
    ]);
  }

  #answerFamilies(): MetricFamily[] {
    const sums = this.#sums;
    const of = (count: number, seconds: number) => seconds > 0 ? count / seconds : 0;
    return [
      counter("llamacpp:prompt_tokens_total", "Prompt tokens processed", sums.promptTokens),
      counter("llamacpp:prompt_seconds_total", "Time of prompts", sums.promptSeconds),
      counter("llamacpp:tokens_predicted_total", "Tokens of answers", sums.answerTokens),
      counter("llamacpp:tokens_predicted_seconds_total", "Time of answers", sums.answerSeconds),
      gauge(
        "llamacpp:prompt_tokens_seconds",
        "Average prompt tokens per second",
        of(sums.promptTokens, sums.promptSeconds),
      ),
      gauge(
        "llamacpp:predicted_tokens_seconds",
        "Average tokens of answers per second",
        of(sums.answerTokens, sums.answerSeconds),
      ),
      counter(
        "llamacpp:spec_decode_num_draft_tokens_total",
        "Guessed tokens that were checked",
        sums.draftedTokens,
      ),
      counter(
        "llamacpp:spec_decode_num_accepted_tokens_total",
        "Guessed tokens that were right",
        sums.acceptedTokens,
      ),
      counter(
        "aha_prompt_tokens_cached_total",
        "Prompt tokens that the cache held",
        sums.cachedTokens,
      ),
      counter("aha_reasoning_tokens_total", "Tokens of thoughts", sums.reasoningTokens),
      {
        name: "aha_time_to_first_token_seconds",
        type: "histogram",
        help: "From the start of an answer to its first token",
        samples: this.#firstToken.samples(),
      },
    ];
  }

  #requestFamilies(): MetricFamily[] {
    const requests = [...this.#requests].map(([labels, value]) => ({
      labels: JSON.parse(labels),
      value,
    }));
    return [
      {
        name: "aha_http_requests_total",
        type: "counter",
        help: "Requests by route and status",
        samples: requests,
      },
      {
        name: "aha_http_request_duration_seconds",
        type: "histogram",
        help: "From a request to the last byte of its answer",
        samples: [...this.#durations].flatMap(([route, durations]) => durations.samples({ route })),
      },
    ];
  }
}

function placeFamilies({ slots, queued, maxQueued }: EngineStatus): MetricFamily[] {
  const busy = slots.filter(({ model }) => model !== undefined).length;
  return [
    gauge("llamacpp:requests_processing", "Requests that have a place", busy),
    gauge("llamacpp:requests_deferred", "Requests that wait for a place", queued),
    gauge("aha_slots", "Places to run in", slots.length),
    gauge("aha_queue_limit", "Most requests that may wait for a place", maxQueued),
  ];
}

function modelFamilies({ models }: EngineStatus): MetricFamily[] {
  const each = (samplesOf: (model: EngineStatus["models"][number]) => readonly Sample[]) =>
    models.flatMap((model) =>
      samplesOf(model).map((sample) => ({
        ...sample,
        labels: { model: model.name, ...sample.labels },
      }))
    );
  return [
    {
      name: "aha_model_ready",
      type: "gauge",
      help: "Whether the model is loaded",
      samples: each(({ state }) => [{ value: state === "ready" ? 1 : 0 }]),
    },
    {
      name: "aha_model_memory_bytes",
      type: "gauge",
      help: "Memory that a loaded model takes",
      samples: each(({ facts }) => facts ? [{ value: facts.memoryBytes }] : []),
    },
    {
      name: "aha_model_answers",
      type: "gauge",
      help: "Answers in the making",
      samples: each(({ load }) => load ? [{ value: load.running }] : []),
    },
    {
      name: "aha_kv_pages",
      type: "gauge",
      help: "Pages of keys and values: held by answers, kept for prompts that begin alike, and all",
      samples: each(({ load }) =>
        load
          ? [
            { labels: { state: "used" }, value: load.usedPages },
            { labels: { state: "kept" }, value: load.keptPages },
            { labels: { state: "all" }, value: load.maxPages },
          ]
          : []
      ),
    },
  ];
}

function counter(name: string, help: string, value: number): MetricFamily {
  return { name, type: "counter", help, samples: [{ value }] };
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, type: "gauge", help, samples: [{ value }] };
}
