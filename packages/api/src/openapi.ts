/** What /openapi.json says of the whole, and what all routes share in it. Describes no route. */
import { type RouteConfig, z } from "@hono/zod-openapi";
import type { AppOptions } from "./app_options.ts";
import { isOpenPath } from "./middleware/open_paths.ts";
import type { ApiApp } from "./request_record.ts";
import type { OpenApiDocument } from "./routes/docs/open_api.ts";

/** Serves the description of the routes that are mounted by then; gives what makes it. */
export function describeApi(
  app: ApiApp,
  { version = "0", apiKeys = [] }: AppOptions,
): () => OpenApiDocument {
  if (apiKeys.length > 0) {
    const key = { type: "http", scheme: "bearer" } as const;
    app.openAPIRegistry.registerComponent("securitySchemes", "key", key);
  }
  const head = {
    openapi: "3.1.0",
    info: {
      title: "Aha",
      version,
      description: "Local language models for clients of OpenAI, DeepSeek and Ollama",
    },
    ...(apiKeys.length > 0 ? { security: [{ key: [] }] } : {}),
  };
  let document: OpenApiDocument | undefined;
  const described = () => document ??= documentOf(app, head);
  app.get("/openapi.json", (c) => c.json(described()));
  return described;
}

function documentOf(app: ApiApp, head: Parameters<ApiApp["getOpenAPI31Document"]>[0]) {
  for (const definition of app.openAPIRegistry.definitions) {
    const isOpen = definition.type === "route" && isOpenPath(definition.route.path);
    if (isOpen) definition.route.security = [];
  }
  return completed(app.getOpenAPI31Document(head)) as OpenApiDocument;
}

/**
 * The document with what its generator leaves out: that whole numbers are JavaScript's, and null among the values of a
 * field that is nullable and has but some.
 */
function completed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(completed);
  if (typeof node !== "object" || node === null) return node;
  const { type, enum: values } = node as { readonly type?: unknown; readonly enum?: unknown };
  const types = Array.isArray(type) ? type : [type];
  const bounds = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
  const entries = Object.entries(node)
    .map(([key, value]) => [key, /^examples?$/.test(key) ? value : completed(value)]);
  const isOpenEnum = Array.isArray(values) && types.includes("null") && !values.includes(null);
  return {
    ...(types.includes("integer") ? bounds : {}),
    ...Object.fromEntries(entries),
    ...(isOpenEnum ? { enum: [...values, null] } : {}),
  };
}

/** Puts a surface's routes under a heading of the description. */
export function tagged(name: string, routes: ApiApp): ApiApp {
  for (const definition of routes.openAPIRegistry.definitions) {
    if (definition.type === "route") definition.route.tags = [name];
  }
  return routes;
}

export const errorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
      request_id: z.string().optional(),
    }),
  })
  .openapi("Error");

const MEANINGS: Readonly<Record<number, string>> = {
  400: "The request is wrong; `param` names the field where one is to blame",
  401: "No API key, or one that is not known",
  403: "Pages of this origin may not ask",
  404: "There is no such model",
  408: "The body came too slowly",
  413: "The body is too large",
  415: "The body is not application/json",
  429: "The key has used its limit, or the server is busy: ask again after Retry-After",
  500: "A fault of the server",
  501: "Not built",
  503: "The server is going down, or the model does not fit or load",
  504: "The request took longer than allowed",
};

type Responses = RouteConfig["responses"];

/** The errors that any route may answer with, in this schema's form. */
export function errorResponses(schema: z.ZodType = errorSchema): Responses {
  const content = { "application/json": { schema } };
  return Object.fromEntries(
    Object.entries(MEANINGS).map(([status, description]) => [status, { description, content }]),
  );
}

/** What tools that read streams event by event check: `data` is JSON or, at the end of some streams, `[DONE]`. */
const eventSchema = z.object({ data: z.string(), event: z.string().optional() });

/** An answer in JSON, with the errors beside it; `stream`: the type of the stream that it may be instead. */
export function responses(schema: z.ZodType, description: string, stream?: string): Responses {
  const streamed = stream === undefined ? {} : {
    [stream]: { schema: stream === "text/event-stream" ? eventSchema : z.string() },
  };
  const content = { "application/json": { schema }, ...streamed };
  return { 200: { description, content }, ...errorResponses() };
}
