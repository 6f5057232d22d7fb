/** What goes wrong, as HTTP tells it: the one file that chooses a status. Writes no bodies but OpenAI's. */
import { ContextFullError, MemoryError, ModelError, UnsupportedError } from "@aha/runtime";
import { ChatRequestError } from "./chat/chat_request_error.ts";
import {
  EngineClosingError,
  EngineMemoryError,
  QueueFullError,
  QueueTimeoutError,
  UnknownModelError,
} from "./engine/engine_errors.ts";
import { UnsupportedSchemaError } from "./structured/unsupported_schema_error.ts";

/** Status and OpenAI's `type` of each kind of failure. */
const KINDS = {
  invalid: [400, "invalid_request_error"],
  unauthorized: [401, "invalid_request_error"],
  forbidden: [403, "permission_error"],
  not_found: [404, "invalid_request_error"],
  method_not_allowed: [405, "invalid_request_error"],
  slow_body: [408, "invalid_request_error"],
  too_large: [413, "invalid_request_error"],
  media_type: [415, "invalid_request_error"],
  rate_limited: [429, "rate_limit_error"],
  /** The client has gone: nobody reads this, the access log has it (nginx's number). */
  gone: [499, "invalid_request_error"],
  internal: [500, "server_error"],
  not_built: [501, "not_implemented_error"],
  unavailable: [503, "server_error"],
  timeout: [504, "timeout_error"],
} as const;

/** A kind of failure; the table above gives its status. */
export type FailureKind = keyof typeof KINDS;

/** More that is known of a failure. */
export interface FailureDetails {
  /** The field of the request that is to blame, as the surface names it. */
  readonly param?: string;
  /** OpenAI's `code`. */
  readonly code?: string;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** A request that is answered with an error; thrown by routes and middleware. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly details: FailureDetails = {},
  ) {
    super(message, { cause: details.cause });
  }
}

/** What an answer tells of an error. */
export interface Failure {
  readonly kind: FailureKind;
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly param?: string;
  readonly code?: string;
  readonly retryAfterSeconds?: number;
  /** The server itself is to blame: its owner must see the error, the client does not. */
  readonly isInternal: boolean;
}

/**
 * What a surface calls the runtime's options, and the fields of OpenAI's chat requests (`messages`, `response_format`)
 * that errors of conversations name.
 */
export type ParamNames = Readonly<Record<string, string>>;

/** What to tell of any error. Only messages of known errors are told: others may hold paths. */
export function failureOf(error: unknown, names: ParamNames = {}): Failure {
  const known = knownError(error, names);
  if (!known) return failure("internal", "Internal error", {});
  return failure(known.kind, known.message, known.details);
}

function failure(kind: FailureKind, message: string, details: FailureDetails): Failure {
  const [status, type] = KINDS[kind];
  const { param, code, retryAfterSeconds, cause } = details;
  const isInternal = kind === "internal" || cause !== undefined;
  return { kind, status, message, type, param, code, retryAfterSeconds, isInternal };
}

function knownError(error: unknown, names: ParamNames): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (!(error instanceof Error)) return undefined;
  const as = (kind: FailureKind, details: FailureDetails = {}) =>
    new ApiError(kind, error.message, details);
  if (error instanceof UnknownModelError) {
    return as("not_found", { param: "model", code: "model_not_found" });
  }
  if (error instanceof QueueFullError || error instanceof QueueTimeoutError) {
    const { retryAfterSeconds } = error;
    return as("rate_limited", { code: "server_busy", retryAfterSeconds });
  }
  if (error instanceof EngineClosingError) return as("unavailable", { code: "shutting_down" });
  if (error instanceof EngineMemoryError || error instanceof MemoryError) {
    return as("unavailable", { code: "out_of_memory" });
  }
  if (error instanceof ContextFullError) {
    const param = names.messages ?? "messages";
    return as("invalid", { param, code: "context_length_exceeded" });
  }
  // A template that refuses the messages; what keeps a model from loading does not come here as such (`leaseModel`).
  if (error instanceof ModelError || error instanceof UnsupportedError) return as("invalid");
  if (error instanceof UnsupportedSchemaError) {
    const param = error.field && fieldName(error.field, names);
    const message = param ? `${param} cannot be held: ${error.message}` : error.message;
    return new ApiError("invalid", message, { param, code: "invalid_schema" });
  }
  if (error instanceof ChatRequestError) {
    return as("invalid", { param: fieldName(error.param, names) });
  }
  if (error.name === "AbortError") return new ApiError("gone", "The client has gone away");
  return error instanceof RangeError ? optionError(error, names) : undefined;
}

/** What the surface calls a field that OpenAI's chat requests have. */
function fieldName(path: string, names: ParamNames): string {
  const [field] = /^\w+/.exec(path) ?? [""];
  return names[field] ?? path;
}

/** Options as the runtime's errors name them; other range errors are faults of the server. */
const OPTION =
  /^(maxTokens|temperature|topP|topK|minP|repeatPenalty|repeatLastTokens|presencePenalty|frequencyPenalty|logitBias|topLogprobs|seed|minTokens|keepTokens|think|adapter)\b/;
const PROMPT_ERRORS =
  /^(Token id \d+ is outside the vocabulary|Cannot generate from an empty prompt|No token can be drawn|A stop string is empty)/;

function optionError({ message }: RangeError, names: ParamNames): ApiError | undefined {
  const [option] = OPTION.exec(message) ?? [];
  if (option === undefined) {
    return PROMPT_ERRORS.test(message) ? new ApiError("invalid", message) : undefined;
  }
  const param = names[option] ?? option;
  return new ApiError("invalid", param + message.slice(option.length), { param });
}

/** OpenAI's form of an error. */
export interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
    /** Missing where the client is to blame. */
    readonly request_id?: string;
  };
}

export function openAiError(
  { message, type, param, code, isInternal }: Failure,
  requestId: string,
): OpenAiError {
  const error = { message, type, param: param ?? null, code: code ?? null };
  return { error: isInternal ? { ...error, request_id: requestId } : error };
}
