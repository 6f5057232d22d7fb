/** GET /health, /props, /slots, /metrics and /lora-adapters: how the server is. Takes no place and loads nothing. */
import { type RouteConfig, z } from "@hono/zod-openapi";
import type { AppContext } from "../../app_options.ts";
import type { EngineStatus, ModelEntry } from "../../engine/engine.ts";
import { UnknownModelError } from "../../engine/engine_errors.ts";
import { METRICS_CONTENT_TYPE } from "../../metrics/metrics_text.ts";
import { errorResponses, responses } from "../../openapi.ts";
import type { ApiApp, ApiContext } from "../../request_record.ts";

/** llama-server's form of a server that is not ready. */
const unavailable = z.object({
  error: z.object({ code: z.literal(503), message: z.string(), type: z.string() }),
}).openapi("LlamaUnavailable");

const healthy = z.object({ status: z.literal("ok") }).openapi("LlamaHealth");

const slots = z.array(z.object({
  id: z.int(),
  id_task: z.int(),
  n_ctx: z.int(),
  speculative: z.boolean(),
  is_processing: z.boolean(),
  model: z.string().optional(),
})).openapi("LlamaSlots");

const props = z.object({
  default_generation_settings: z.object({
    n_ctx: z.int(),
    params: z.record(z.string(), z.unknown()),
  }),
  total_slots: z.int(),
  model_alias: z.string(),
  model_path: z.string(),
  chat_template: z.string(),
  chat_template_caps: z.record(z.string(), z.unknown()),
  modalities: z.object({ vision: z.boolean(), audio: z.boolean() }),
  build_info: z.string(),
  is_sleeping: z.boolean(),
}).openapi("LlamaProps");

/** Defaults of /completion that no model changes. */
const DEFAULT_PARAMS = {
  ...{ n_predict: -1, seed: -1, repeat_last_n: 64, repeat_penalty: 1, presence_penalty: 0 },
  ...{ frequency_penalty: 0, n_keep: 0, n_probs: 0, ignore_eos: false, stream: false, stop: [] },
};

/** Adds the routes. */
export function stateRoutes(app: ApiApp, context: AppContext): void {
  const { engine, options, metrics } = context;
  for (const path of ["/health", "/v1/health"]) {
    described(app, path, "Says whether the server is ready", {
      ...{ 200: json(healthy, "It is"), 503: json(unavailable, "It loads, or is going down") },
    });
    app.get(path, (c) => health(c, engine.state()));
  }
  described(app, "/props", "Tells what is served", responses(props, "Properties"), MODEL_QUERY);
  app.get("/props", async (c) => {
    await engine.readHeads();
    const entry = entryOf(engine.models(), c.req.query("model"));
    const { slots } = await engine.status();
    return c.json(propsOf(entry, slots.length, options.version ?? "0"));
  });
  described(app, "/slots", "Tells which places are taken", {
    ...responses(slots, "One for each place"),
    503: json(unavailable, "No place is free, where `fail_on_no_slot` is set"),
  }, FAIL_QUERY);
  app.get("/slots", async (c) => {
    const status = await engine.status();
    const mayFail = (c.req.query("fail_on_no_slot") ?? "") !== "";
    if (mayFail && status.slots.every(({ model }) => model !== undefined)) {
      return notReady(c, "no slot available");
    }
    return c.json(slotsOf(status));
  });
  described(app, "/metrics", "Counts for Prometheus", {
    ...errorResponses(),
    200: { description: "Text", content: { "text/plain": { schema: z.string() } } },
  });
  app.get("/metrics", async (c) => {
    const text = metrics.text(await engine.status());
    return c.body(text, 200, { "content-type": METRICS_CONTENT_TYPE });
  });
  const adapters = z.array(z.object({ id: z.int(), path: z.string(), scale: z.number() }));
  const listed = responses(adapters, "The list; `scale` is that of requests that choose none");
  described(app, "/lora-adapters", "Lists the adapters of a model", listed, MODEL_QUERY);
  app.get("/lora-adapters", (c) => {
    const { adapters = [] } = entryOf(engine.models(), c.req.query("model"));
    return c.json(adapters.map(({ name, scale, isDefault }, id) => ({
      ...{ id, path: name }, // where it lies is nobody's business
      scale: isDefault ? scale : 0,
    })));
  });
}

const MODEL_QUERY = z.object({
  model: z.string().optional().openapi({ description: "Default: the first model" }),
});
const FAIL_QUERY = z.object({
  fail_on_no_slot: z.string().optional().openapi({
    description: "Whether to answer 503 where no place is free",
  }),
});

function described(
  app: ApiApp,
  path: string,
  summary: string,
  answers: RouteConfig["responses"],
  query?: z.ZodObject,
): void {
  app.openAPIRegistry.registerPath({
    ...{ method: "get", path, summary, responses: answers },
    ...(query ? { request: { query } } : {}),
  });
}

function json(schema: z.ZodType, description: string): RouteConfig["responses"][number] {
  return { description, content: { "application/json": { schema } } };
}

function health(c: ApiContext, state: EngineStatus["state"]): Response {
  if (state === "ready") return c.json({ status: "ok" });
  return notReady(c, state === "loading" ? "Loading model" : "Shutting down");
}

function notReady(c: ApiContext, message: string): Response {
  return c.json({ error: { code: 503, message, type: "unavailable_error" } }, 503);
}

function entryOf(models: readonly ModelEntry[], asked: string | undefined): ModelEntry {
  const entry = asked ? models.find(({ name }) => name === asked) : models[0];
  if (entry) return entry;
  throw new UnknownModelError(asked ?? "", models.map(({ name }) => name));
}

function slotsOf({ slots, models }: EngineStatus): unknown[] {
  const contextOf = (model?: string) =>
    (models.find(({ name }) => name === model) ?? models[0])?.facts?.contextTokens ?? 0;
  return slots.map(({ id, model }) => ({
    ...{ id, id_task: -1, n_ctx: contextOf(model), speculative: false },
    is_processing: model !== undefined,
    ...(model === undefined ? {} : { model }),
  }));
}

function propsOf(
  { name, state, head }: ModelEntry,
  totalSlots: number,
  version: string,
): Record<string, unknown> {
  return {
    default_generation_settings: { n_ctx: head?.contextTokens ?? 0, params: DEFAULT_PARAMS },
    total_slots: totalSlots,
    model_alias: name,
    model_path: name, // where it lies is nobody's business
    chat_template: head?.chatTemplate ?? "",
    chat_template_caps: {},
    modalities: { vision: false, audio: false },
    build_info: `aha-${version}`,
    is_sleeping: state === "cold",
  };
}
