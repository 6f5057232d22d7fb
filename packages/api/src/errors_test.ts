/** Tests of errors.ts. */
import { assert, assertEquals } from "@std/assert";
import {
  ContextFullError,
  MemoryError,
  ModelError,
  SourceError,
  UnsupportedError,
} from "@aha/runtime";
import { ChatRequestError } from "./chat/chat_request_error.ts";
import {
  EngineClosingError,
  EngineMemoryError,
  QueueFullError,
  QueueTimeoutError,
  UnknownModelError,
} from "./engine/engine_errors.ts";
import { UnsupportedSchemaError } from "./structured/unsupported_schema_error.ts";
import { ApiError, failureOf, openAiError } from "./errors.ts";

const names = { topP: "top_p", logitBias: "logit_bias", response_format: "text.format" };

/** Error, then status, code, param and seconds to wait. */
const TABLE: readonly [Error, number, string?, string?, number?][] = [
  [new UnknownModelError("x", ["y"]), 404, "model_not_found", "model"],
  [new QueueFullError(8, 3), 429, "server_busy", undefined, 3],
  [new QueueTimeoutError(9000, 4), 429, "server_busy", undefined, 4],
  [new EngineClosingError(), 503, "shutting_down"],
  [new EngineMemoryError("x", 2, 1), 503, "out_of_memory"],
  [new MemoryError("The model needs more", 2, 1), 503, "out_of_memory"],
  [new ContextFullError(600, 512), 400, "context_length_exceeded", "messages"],
  [new UnsupportedError("No code for this", "x"), 400],
  [new ModelError("Roles must alternate"), 400],
  [new ChatRequestError("messages[1].role", "No such role"), 400, undefined, "messages[1].role"],
  [new ChatRequestError("response_format", "No such form"), 400, undefined, "text.format"],
  [new UnsupportedSchemaError("No such keyword", "/not"), 400, "invalid_schema"],
  [new UnsupportedSchemaError("No", "/not", "tools[0]"), 400, "invalid_schema", "tools[0]"],
  [new UnsupportedSchemaError("No", "/a", "response_format"), 400, "invalid_schema", "text.format"],
  [new RangeError("topP is 2, it must lie between 0 and 1"), 400, undefined, "top_p"],
  [new RangeError("logitBias has the token id x"), 400, undefined, "logit_bias"],
  [new RangeError("Token id 900 is outside the vocabulary of 256"), 400],
  [new RangeError("Invalid array length"), 500],
  [new SourceError("Cannot read /home/me/model.gguf", "/home/me/model.gguf"), 500],
  [new TypeError("x is not a function"), 500],
  [new DOMException("left", "AbortError"), 499],
  [new ApiError("too_large", "Too large"), 413],
];

Deno.test("failureOf: status, code, param and seconds of every error", () => {
  for (const [error, status, code, param, retryAfterSeconds] of TABLE) {
    const found = failureOf(error, names);
    const told = [found.status, found.code, found.param, found.retryAfterSeconds];
    assertEquals(told, [status, code, param, retryAfterSeconds], `${error}`);
  }
});

Deno.test("failureOf: options are named as the surface names them", () => {
  const { message } = failureOf(new RangeError("topP is 2, it must lie between 0 and 1"), names);
  assertEquals(message, "top_p is 2, it must lie between 0 and 1");
});

Deno.test("failureOf: what is not known tells nothing", () => {
  for (const error of [new SourceError("Cannot read /home/me", "/home/me"), "a string", null]) {
    const found = failureOf(error);
    assertEquals([found.status, found.message, found.isInternal], [500, "Internal error", true]);
  }
});

Deno.test("openAiError: the request's id stands beside faults of the server alone", () => {
  const fault = openAiError(failureOf(new Error("x")), "req_1");
  assertEquals(fault, {
    error: {
      ...{ message: "Internal error", type: "server_error", param: null, code: null },
      request_id: "req_1",
    },
  });
  const mistake = openAiError(failureOf(new ApiError("invalid", "No", { param: "n" })), "req_1");
  assert(!("request_id" in mistake.error));
});
