/** Under which names the server may be asked. Checks no keys. */
import type { MiddlewareHandler } from "hono";
import { ApiError } from "../errors.ts";
import type { ApiEnv } from "../request_record.ts";
import { isOpenPath } from "./open_paths.ts";

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * Refuses requests that name another host than these, localhost or an address. A page whose own name leads to this machine
 * (DNS rebinding) is of the same origin as the server for the browser, but it cannot hide the name that it was called by.
 * `*`: any name will do.
 */
export function hostNames(names: readonly string[]): MiddlewareHandler<ApiEnv> {
  const known = new Set(names.map((name) => name.toLowerCase()));
  return async (c, next) => {
    const { hostname } = new URL(c.req.url);
    if (known.has("*") || isOpenPath(c.req.path)) return await next();
    if (isAddress(hostname) || isLocal(hostname) || known.has(hostname)) return await next();
    throw new ApiError(
      "forbidden",
      `${JSON.stringify(hostname)} is no name of this server that its owner allows`,
      {
        code: "host_not_allowed",
      },
    );
  };
}

/** As a URL writes it. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || IPV4.test(hostname);
}

function isLocal(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost");
}
