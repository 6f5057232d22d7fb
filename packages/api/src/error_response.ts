/** Sends an error in the form of the surface that was called. Chooses no status: that is `errors.ts`. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Failure, openAiError } from "./errors.ts";
import type { ApiContext } from "./request_record.ts";

/** Ollama's below `/api/`, else OpenAI's. */
export function errorResponse(c: ApiContext, failure: Failure): Response {
  const { status, retryAfterSeconds } = failure;
  const body = c.req.path.startsWith("/api/")
    ? { error: failure.message }
    : openAiError(failure, c.get("record").id);
  if (retryAfterSeconds !== undefined) c.header("retry-after", `${retryAfterSeconds}`);
  if (status === 401) c.header("www-authenticate", "Bearer");
  return c.json(body, status as ContentfulStatusCode);
}
