/** Opens the record of each request, with an id that its answer carries, and closes it with the answer. */
import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { AppContext } from "../app_options.ts";
import { type ApiEnv, RequestRecord } from "../request_record.ts";

/** Ids of proxies and clients are taken where they can do no harm in logs. */
const SANE_ID = /^[\w.:-]{1,64}$/;

/** Others could be names without end. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export function requestScope({ options, metrics }: AppContext): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const asked = c.req.header("x-request-id") ?? "";
    const id = SANE_ID.test(asked) ? asked : `req_${crypto.randomUUID().replaceAll("-", "")}`;
    const record = new RequestRecord(id, c.req.raw, options);
    c.set("record", record);
    c.header("x-request-id", id);
    const method = METHODS.includes(c.req.method) ? c.req.method : "other";
    let route = "";
    record.atEnd((status) => {
      const { durationMs, answers } = record;
      metrics.observe({ method, route, status, durationMs, answers });
    });
    await next();
    route = routePath(c, -1).replaceAll(/\{[^}]*\}/g, ""); // `:model{.+}`
    if (!record.isStreaming) record.end(c.res.status);
  };
}
