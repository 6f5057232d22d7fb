/** Which pages may ask: none of other origins but those configured. Checks no keys. */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { ApiError } from "../errors.ts";
import type { ApiEnv } from "../request_record.ts";
import { isOpenPath } from "./open_paths.ts";

const EXPOSED = ["x-request-id", "retry-after"].concat(
  ["limit", "remaining", "reset"].flatMap((what) =>
    ["requests", "tokens"].map((of) => `x-ratelimit-${what}-${of}`)
  ),
);

/**
 * CORS headers for the configured origins; requests from pages of all others are refused. Leaving out the headers alone
 * would only hide the answer from the page, while the model works for it.
 */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler<ApiEnv> {
  const isAllowed = (origin: string) => origins.includes("*") || origins.includes(origin);
  const allow = cors({
    origin: origins.includes("*") ? "*" : [...origins],
    exposeHeaders: EXPOSED,
    maxAge: 600,
  });
  return (c, next) => {
    const origin = c.req.header("origin");
    if (origin === undefined) return next();
    if (isAllowed(origin)) return allow(c, next);
    if (isOpenPath(c.req.path) || isSameOrigin(origin, c.req.raw)) return next();
    throw new ApiError("forbidden", `Pages of ${JSON.stringify(origin)} may not ask here`);
  };
}

/** By the host alone: a proxy that ends TLS changes the scheme. */
function isSameOrigin(origin: string, request: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(request.url).host;
}
