/** Sends an error in the form of the surface that was called. Chooses no status: that is `errors.ts`. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Failure, openAiError } from "./errors.ts";
import type { ApiContext } from "./request_record.ts";

/** The error in Ollama's form below `/api/`, else in OpenAI's. */
export function errorBody(c: ApiContext, failure: Failure): { readonly error: unknown } {
  if (c.req.path.startsWith("/api/")) return { error: failure.message };
  return { ...openAiError(failure, c.get("record").id) };
}

/** The whole response, with the headers that belong to its status. */
export function errorResponse(c: ApiContext, failure: Failure): Response {
  const { status, retryAfterSeconds } = failure;
  if (retryAfterSeconds !== undefined) c.header("retry-after", `${retryAfterSeconds}`);
  if (status === 401) c.header("www-authenticate", "Bearer");
  return c.json(errorBody(c, failure), status as ContentfulStatusCode);
}
