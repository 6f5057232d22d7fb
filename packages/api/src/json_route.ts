/** Makes a route of a schema and a handler, and describes it for /openapi.json. Decides nothing of what is answered. */
import type { RouteConfig, z } from "@hono/zod-openapi";
import type { AppContext } from "./app_options.ts";
import { ApiError, type FailureKind } from "./errors.ts";
import { type JsonBodyOptions, readJson } from "./json_body.ts";
import type { ApiApp, ApiContext } from "./request_record.ts";
import { validated } from "./validation.ts";

/** What a route takes and gives. */
export interface JsonRoute<S extends z.ZodType> extends JsonBodyOptions {
  /** All do the same. */
  readonly paths: readonly string[];
  readonly summary: string;
  readonly body: S;
  readonly responses: RouteConfig["responses"];
  /** Fields that exist elsewhere and not here, with a sentence; null and false are let through. */
  readonly refused?: Readonly<Record<string, readonly [kind: FailureKind, message: string]>>;
}

/** Answers `POST` with what the handler makes of the validated body. */
export function jsonRoute<S extends z.ZodType>(
  app: ApiApp,
  { options }: AppContext,
  route: JsonRoute<S>,
  handler: (c: ApiContext, body: z.infer<S>) => Promise<Response>,
): void {
  const { paths, summary, body: schema, responses, refused = {} } = route;
  for (const path of paths) {
    const body = { required: true, content: { "application/json": { schema } } };
    app.openAPIRegistry.registerPath({
      ...{ method: "post", path, summary, request: { body }, responses },
    });
    app.post(path, async (c) => {
      const value = await readJson(c.req.raw, options, route);
      refuse(value, refused);
      return await handler(c, validated(schema, value));
    });
  }
}

function refuse(value: unknown, refused: NonNullable<JsonRoute<z.ZodType>["refused"]>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [param, [kind, message]] of Object.entries(refused)) {
    const given = (value as Record<string, unknown>)[param];
    if (given === undefined || given === null || given === false) continue;
    throw new ApiError(kind, message, { param });
  }
}
