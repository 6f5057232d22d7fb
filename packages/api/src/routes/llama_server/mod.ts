/** llama-server's own API: its routes joined. Answers nothing itself but what is not built. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { ApiError } from "../../errors.ts";
import type { ApiEnv, Routes } from "../../request_record.ts";
import { completionRoute } from "./completion_route.ts";
import { stateRoutes } from "./state_routes.ts";
import { tokenRoutes } from "./token_routes.ts";

const NO_RANKING = "Reranking is not built: no reranking models run here";

/** Known of llama-server; not described, since it is not there. */
const UNBUILT: Readonly<Record<string, string>> = {
  "/infill": "Filling in the middle is not built: no models with its tokens are known here",
  "/rerank": NO_RANKING,
  "/reranking": NO_RANKING,
  "/v1/rerank": NO_RANKING,
  "/v1/reranking": NO_RANKING,
  "/embedding": "llama-server's form of embeddings is not built: ask /v1/embeddings",
  "/slots/:id": "Places are not saved or restored: prompts that begin alike share their cache",
};

/** The routes, to be mounted at the root. */
export const llamaServerRoutes: Routes = (context) => {
  const app = new OpenAPIHono<ApiEnv>();
  stateRoutes(app, context);
  tokenRoutes(app, context);
  completionRoute(app, context);
  for (const [path, message] of Object.entries(UNBUILT)) {
    app.post(path, () => {
      throw new ApiError("not_built", message);
    });
  }
  return app;
};
