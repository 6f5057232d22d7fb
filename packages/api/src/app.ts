/** Joins middleware and routes to one app over an engine. Holds no state of its own and opens no port. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import type { AppContext, AppOptions } from "./app_options.ts";
import type { Engine } from "./engine/engine.ts";
import { errorResponse } from "./error_response.ts";
import { ApiError } from "./errors.ts";
import { apiKeys } from "./middleware/api_keys.ts";
import { crossOrigin } from "./middleware/cross_origin.ts";
import { hostNames } from "./middleware/host_names.ts";
import { requestScope } from "./middleware/request_scope.ts";
import { Metrics } from "./metrics/metrics.ts";
import { describeApi, tagged } from "./openapi.ts";
import type { ApiContext, ApiEnv } from "./request_record.ts";
import { docsRoutes } from "./routes/docs/mod.ts";
import { llamaServerRoutes } from "./routes/llama_server/mod.ts";
import { ollamaRoutes } from "./routes/ollama/mod.ts";
import { openAiRoutes } from "./routes/openai/mod.ts";

/**
 * An app that answers what clients of OpenAI, DeepSeek, Ollama and llama-server ask.
 *
 * ```ts
 * import { createApp, type Engine } from "@aha/api";
 * const serve = (engine: Engine) =>
 *   Deno.serve(createApp(engine, { apiKeys: [{ name: "me", key: "secret" }] }).fetch);
 * ```
 * @throws {RangeError} where an API key is empty or has a limit that is not over 0
 */
export function createApp(engine: Engine, options: AppOptions = {}): Hono {
  const context: AppContext = { engine, options, metrics: new Metrics() };
  const isOpen = (options.apiKeys ?? []).length === 0;
  const app = new OpenAPIHono<ApiEnv>();
  app.use(requestScope(context));
  app.use(hostNames(options.hostNames ?? (isOpen ? [] : ["*"])));
  app.use(crossOrigin(options.corsOrigins ?? []));
  app.use(apiKeys(options.apiKeys ?? []));
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  app.route("/", tagged("OpenAI and DeepSeek", openAiRoutes(context)));
  app.route("/", tagged("Ollama", ollamaRoutes(context)));
  app.route("/", tagged("llama-server", llamaServerRoutes(context)));
  app.route("/", docsRoutes(describeApi(app, options)));
  app.notFound((c) => fail(c, new ApiError("not_found", `There is no ${c.req.path} here`)));
  app.onError((error, c) => fail(c, error));
  return app as unknown as Hono;
}

function onMethodNotAllowed(c: unknown, methods: readonly string[]): Response {
  const context = c as ApiContext;
  const allowed = methods.join(", ");
  context.header("allow", allowed);
  const message = `${context.req.path} knows ${allowed}, not ${context.req.method}`;
  return fail(context, new ApiError("method_not_allowed", message));
}

function fail(c: ApiContext, error: unknown): Response {
  return errorResponse(c, c.get("record").failure(error));
}
