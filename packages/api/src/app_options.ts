/** How a server is set up. Types only. */
import type { Engine } from "./engine/engine.ts";
import type { Metrics } from "./metrics/metrics.ts";

/** A client's key, with limits of its own. */
export interface ApiKey {
  /** In logs and queues the key is told by this. */
  readonly name: string;
  readonly key: string;
  readonly requestsPerMinute?: number;
  /** Of prompts and answers together. */
  readonly tokensPerMinute?: number;
}

/** A line of the access log. */
export interface AccessEntry {
  readonly time: string;
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** Of the answer, or of what ended its stream; 499: the client went away. */
  readonly status: number;
  readonly durationMs: number;
  /** Name of the key. */
  readonly client?: string;
  readonly model?: string;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  /** Only where `logPrompts` is on. */
  readonly prompt?: unknown;
}

/** Options of `createApp`. */
export interface AppOptions {
  /** Without any, everybody may ask. */
  readonly apiKeys?: readonly ApiKey[];
  /** Origins whose pages may ask; `*`: all. Default: none. */
  readonly corsOrigins?: readonly string[];
  /**
   * Names that requests may call the server by, besides localhost and addresses; `*`: any. This keeps pages out that reach
   * this machine by a name of their own (DNS rebinding). Default: none without keys, with keys any.
   */
  readonly hostNames?: readonly string[];
  /** Default 1 MiB: a context of 100,000 tokens with room to spare. */
  readonly maxBodyBytes?: number;
  /** Most tokens of an answer, whatever a request asks for. Default: the context's. */
  readonly maxTokens?: number;
  /** Most choices of a request (`n`). Default 8. */
  readonly maxChoices?: number;
  /** Time that a request may take in all, milliseconds. Default 10 minutes. */
  readonly requestTimeoutMs?: number;
  /** Time in which a body must have arrived, milliseconds. Default 30 seconds. */
  readonly bodyTimeoutMs?: number;
  /**
   * An answer that has nothing to tell for so long gets a sign of life, milliseconds: a stream a comment or a space, one
   * that is not streamed a space before its JSON. Default 10,000.
   */
  readonly keepAliveMs?: number;
  /** A client that reads nothing of its answer for so long loses it and its place, milliseconds. Default 60,000. */
  readonly stallTimeoutMs?: number;
  /** Called once a request. Default: nothing is logged. */
  readonly onAccess?: (entry: AccessEntry) => void;
  readonly logPrompts?: boolean;
  /** Called with what is the server's own fault, which clients are not told. Default: `console.error`. */
  readonly onError?: (error: unknown, requestId: string) => void;
  readonly version?: string;
}

/** What the routes are made with. */
export interface AppContext {
  readonly engine: Engine;
  readonly options: AppOptions;
  readonly metrics: Metrics;
}
