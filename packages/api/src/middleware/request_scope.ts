/** Opens the record of each request, with an id that its answer carries, and closes it with the answer. */
import type { MiddlewareHandler } from "hono";
import type { AppOptions } from "../app_options.ts";
import { type ApiEnv, RequestRecord } from "../request_record.ts";

/** Ids of proxies and clients are taken where they can do no harm in logs. */
const SANE_ID = /^[\w.:-]{1,64}$/;

export function requestScope(options: AppOptions): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const asked = c.req.header("x-request-id") ?? "";
    const id = SANE_ID.test(asked) ? asked : `req_${crypto.randomUUID().replaceAll("-", "")}`;
    const record = new RequestRecord(id, c.req.raw, options);
    c.set("record", record);
    c.header("x-request-id", id);
    await next();
    if (!record.isStreaming) record.end(c.res.status);
  };
}
