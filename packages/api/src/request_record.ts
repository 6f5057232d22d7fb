/** What is known of one request from its arrival to the last byte of its answer. Reads no bodies and sends nothing. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AccessEntry, AppContext, AppOptions } from "./app_options.ts";
import { ApiError, type Failure, failureOf, type ParamNames } from "./errors.ts";
import type { FinishedAnswer } from "./metrics/metrics.ts";

/** Variables of Hono's context. */
export interface ApiEnv {
  Variables: { record: RequestRecord };
}

export type ApiContext = Context<ApiEnv>;
export type ApiApp = OpenAPIHono<ApiEnv>;
/** The routes of one surface, to be mounted. */
export type Routes = (context: AppContext) => ApiApp;

const DEFAULT_TIMEOUT_MS = 600_000;

/** Begins with the request and ends once, with the answer's last byte. */
export class RequestRecord {
  readonly #options: AppOptions;
  readonly #controller = new AbortController();
  readonly #started = performance.now();
  readonly #time = new Date().toISOString();
  readonly #request: Request;
  readonly #deadline: ReturnType<typeof setTimeout>;
  readonly #onClientGone = (): void => this.abort();
  readonly #atEnd: ((status: number) => void)[] = [];
  #hasEnded = false;

  /** Name of the API key. */
  client?: string;
  model?: string;
  promptTokens = 0;
  completionTokens = 0;
  /** Those that came to their end. */
  readonly answers: FinishedAnswer[] = [];
  prompt?: unknown;
  /** What the surface calls the runtime's options, for its errors. */
  paramNames: ParamNames = {};
  /** The answer goes on after its handler has returned: who sends it calls `end`. */
  isStreaming = false;

  constructor(readonly id: string, request: Request, options: AppOptions) {
    this.#options = options;
    this.#request = request;
    const timeoutMs = options.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#deadline = setTimeout(() => this.#controller.abort(timeLimit(timeoutMs)), timeoutMs);
    if (request.signal.aborted) this.abort();
    else request.signal.addEventListener("abort", this.#onClientGone);
  }

  /** Aborts when the client goes away, or when the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Nobody waits for the answer any more. */
  abort(reason: Error = new DOMException("The client has gone away", "AbortError")): void {
    this.#controller.abort(reason);
  }

  /** Time since the request came. */
  get durationMs(): number {
    return performance.now() - this.#started;
  }

  /** Calls this when the answer has ended, however it did, with the status of `end`. */
  atEnd(run: (status: number) => void): void {
    this.#atEnd.push(run);
  }

  /** What to tell of an error; the owner of the server is told those that are the server's fault. */
  failure(error: unknown): Failure {
    const failure = failureOf(error, this.paramNames);
    if (failure.isInternal) this.#report(error instanceof ApiError ? error.cause ?? error : error);
    return failure;
  }

  /** The answer is over; `status` is that of the answer, or of what ended its stream. */
  end(status: number): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#deadline);
    this.#request.signal.removeEventListener("abort", this.#onClientGone);
    for (const run of this.#atEnd) run(status);
    try {
      this.#options.onAccess?.(this.#entry(status));
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    const { onError = logError } = this.#options;
    onError(error, this.id);
  }

  #entry(status: number): AccessEntry {
    const { client, durationMs, model, promptTokens, completionTokens, prompt } = this;
    const { method, url } = this.#request;
    return {
      ...{ time: this.#time, requestId: this.id, method, path: new URL(url).pathname, status },
      durationMs,
      ...(client === undefined ? {} : { client }),
      ...(model === undefined ? {} : { model, promptTokens, completionTokens }),
      ...(this.#options.logPrompts && prompt !== undefined ? { prompt } : {}),
    };
  }
}

function timeLimit(timeoutMs: number): ApiError {
  return new ApiError("timeout", `The request took longer than the ${timeoutMs / 1000} s allowed`);
}

function logError(error: unknown, requestId: string): void {
  console.error(`Request ${requestId} failed:`, error);
}
