/** The routes of OpenAI's and DeepSeek's clients. Each file beside this one has one. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { AppContext } from "../../app_options.ts";
import { ApiError } from "../../errors.ts";
import type { ApiApp, ApiEnv } from "../../request_record.ts";
import { chatCompletionsRoute } from "./chat_completions.ts";
import { completionsRoute } from "./completions.ts";
import { embeddingsRoute } from "./embeddings.ts";
import { modelsRoutes } from "./models.ts";
import { responsesRoute } from "./responses.ts";

export function openAiRoutes(context: AppContext): ApiApp {
  const app = new OpenAPIHono<ApiEnv>();
  chatCompletionsRoute(app, context);
  completionsRoute(app, context);
  responsesRoute(app, context);
  embeddingsRoute(app, context);
  modelsRoutes(app, context);
  app.get("/user/balance", () => {
    throw new ApiError("not_built", "There are no accounts here and so no balance");
  });
  return app;
}
