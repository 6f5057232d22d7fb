/** How a server is set up. Types only. */
import type { Engine } from "./engine/engine.ts";

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
  /** Default 4 MiB. */
  readonly maxBodyBytes?: number;
  /** Most tokens of an answer, whatever a request asks for. Default: the context's. */
  readonly maxTokens?: number;
  /** Most choices of a request (`n`). Default 8. */
  readonly maxChoices?: number;
  /** Time that a request may take in all, milliseconds. Default 10 minutes. */
  readonly requestTimeoutMs?: number;
  /** A stream that has nothing to tell for so long gets a comment, milliseconds. Default 10,000. */
  readonly keepAliveMs?: number;
  /** Called once a request. Default: nothing is logged. */
  readonly onAccess?: (entry: AccessEntry) => void;
  readonly logPrompts?: boolean;
  readonly version?: string;
}

/** What the routes are made with. */
export interface AppContext {
  readonly engine: Engine;
  readonly options: AppOptions;
}
