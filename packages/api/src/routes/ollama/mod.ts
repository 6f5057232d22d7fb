/** Ollama's API: its routes joined. Answers nothing itself but what is not built. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { ApiError } from "../../errors.ts";
import type { ApiEnv, Routes } from "../../request_record.ts";
import { chatRoute } from "./chat_route.ts";
import { embedRoutes } from "./embed_routes.ts";
import { generateRoute } from "./generate_route.ts";
import { modelRoutes } from "./model_routes.ts";

/** What Ollama does with its own store of models; not described, since it is not there. */
const UNBUILT = [
  ...([["POST", "/api/pull"], ["POST", "/api/push"], ["POST", "/api/create"]] as const),
  ...([["POST", "/api/copy"], ["POST", "/api/blobs/:digest"], ["DELETE", "/api/delete"]] as const),
];

const WHERE_MODELS_COME_FROM =
  "Models are not managed over this API: name them when the server is started (aha serve MODEL...)";

/** The routes, to be mounted at the root. */
export const ollamaRoutes: Routes = (context) => {
  const app = new OpenAPIHono<ApiEnv>();
  chatRoute(app, context);
  generateRoute(app, context);
  embedRoutes(app, context);
  modelRoutes(app, context);
  for (const [method, path] of UNBUILT) {
    app.on(method, path, () => {
      throw new ApiError("not_built", WHERE_MODELS_COME_FROM);
    });
  }
  // what Ollama's clients look for to know that a server is up
  app.openAPIRegistry.registerPath({
    ...{ method: "get", path: "/", summary: "Says that the server is up" },
    responses: {
      200: { description: "A text", content: { "text/plain": { schema: z.string() } } },
    },
  });
  app.get("/", (c) => c.text("Ollama is running"));
  return app;
};
