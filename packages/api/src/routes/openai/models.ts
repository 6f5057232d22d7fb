/** GET /v1/models and DeepSeek's /models: what is served here. Loads nothing. */
import { z } from "@hono/zod-openapi";
import type { AppContext } from "../../app_options.ts";
import { UnknownModelError } from "../../engine/engine_errors.ts";
import type { ModelEntry } from "../../engine/engine.ts";
import { responses } from "../../openapi.ts";
import type { ApiApp } from "../../request_record.ts";
import { parentOf, withAdapterEntries } from "../adapter_entries.ts";
import { model as modelSchema, modelList } from "../../schema/model.ts";

export function modelsRoutes(app: ApiApp, { engine }: AppContext): void {
  for (const path of ["/v1/models", "/models"]) {
    const summary = "Lists the models";
    const listed = responses(modelList, "The models, the default one first");
    app.openAPIRegistry.registerPath({ method: "get", path, summary, responses: listed });
    app.get(path, async (c) => {
      await engine.readHeads();
      return c.json({ object: "list", data: withAdapterEntries(engine.models()).map(wireModel) });
    });
    app.openAPIRegistry.registerPath({
      ...{ method: "get", path: `${path}/{model}`, summary: "Tells of a model" },
      request: { params: z.object({ model: z.string().openapi({ example: "smollm2-135m" }) }) },
      responses: responses(modelSchema, "The model"),
    });
    // Names of models may have slashes.
    app.get(`${path}/:model{.+}`, async (c) => {
      const name = c.req.param("model");
      await engine.readHeads();
      const entry = engine.find(name);
      const known = () => withAdapterEntries(engine.models()).map((one) => one.name);
      if (!entry) throw new UnknownModelError(name, known());
      return c.json(wireModel(entry));
    });
  }
}

function wireModel(entry: ModelEntry): z.infer<typeof modelSchema> {
  const { name, created, head } = entry;
  const parent = parentOf(entry);
  const meta = head && {
    ...{ n_vocab: head.vocabulary, n_ctx_train: head.contextTokens, n_embd: head.width },
    ...{ n_params: head.parameters, size: head.sizeBytes },
  };
  return {
    ...{ id: name, object: "model", created, owned_by: "aha" },
    ...(parent === undefined ? {} : { parent }),
    ...(meta ? { meta } : {}),
  };
}
