/** Answers a port with an app, in Deno and in Node, within limits that hold before the app sees anything. Knows no routes. */
import { createAdaptorServer } from "@hono/node-server";
import type { Server } from "node:http";
import { Connections } from "./connections.ts";
import { ListenError } from "./listen_error.ts";

/** How to listen. */
export interface ListenOptions {
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string;
  /** Default 8787; 0: any that is free. */
  readonly port?: number;
  /** Most bytes of a request's head. Default 16 KiB; what is larger gets 431. */
  readonly maxHeadBytes?: number;
  /** Time in which a head must have arrived. Default 10,000 ms; what is slower gets 408. */
  readonly headTimeoutMs?: number;
  /** Time in which head and body must have arrived. Default 60,000 ms. */
  readonly requestTimeoutMs?: number;
  /** How long a connection may stay without a request. Default 15,000 ms. */
  readonly idleTimeoutMs?: number;
  /** Connections at once; further ones are closed. Default 1,024. */
  readonly maxConnections?: number;
}

/** A port that is listened on. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Where to ask from this machine, without a slash at its end. */
  readonly url: string;
  /** Takes no more connections, waits so long for answers that are on their way (default 5,000 ms), then ends them. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/** What answers requests: an app on Hono, or anything of its form. The environment holds Node's `incoming` and `outgoing`. */
export interface Answering {
  // deno-lint-ignore no-explicit-any -- whatever environment the app expects
  readonly fetch: (request: Request, environment: any) => Response | Promise<Response>;
}

/** How often times are looked at, where they are not shorter themselves. */
const CHECK_INTERVAL_MS = 5_000;

/**
 * Answers requests with the app until it is closed. Deno is listened on through `node:http` as well: `Deno.serve` has no
 * time limit for heads and idle connections.
 * @throws {ListenError} if the port is taken, not allowed, or not of this machine
 *
 * @example
 * ```ts
 * import { listen } from "@aha/api/listen";
 * const listener = await listen({ fetch: () => new Response("Hello") }, { port: 0 });
 * console.log(await (await fetch(listener.url)).text()); // Hello
 * await listener.close();
 * ```
 */
export async function listen(app: Answering, options: ListenOptions = {}): Promise<Listener> {
  const { host = "127.0.0.1", port = 8787, maxConnections = 1_024 } = options;
  const server = createServer(app, options);
  server.maxConnections = maxConnections;
  const connections = new Connections(server);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.on("error", reject); // what comes later is for the connections it happens to
  try {
    server.listen({ host, port }, resolve);
    await promise;
  } catch (error) {
    throw new ListenError(host, port, error as Error & { readonly code?: string });
  }
  const address = server.address();
  const taken = typeof address === "object" && address ? address.port : port;
  return {
    ...{ host, port: taken, url: `http://${reachable(host)}:${taken}` },
    close: ({ graceMs = 5_000 } = {}) => connections.close(graceMs),
  };
}

function createServer(app: Answering, options: ListenOptions): Server {
  const { maxHeadBytes = 16 * 1024, headTimeoutMs = 10_000 } = options;
  const { requestTimeoutMs = 60_000, idleTimeoutMs = 15_000 } = options;
  return createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      maxHeaderSize: maxHeadBytes,
      headersTimeout: headTimeoutMs,
      requestTimeout: Math.max(requestTimeoutMs, headTimeoutMs),
      keepAliveTimeout: idleTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, headTimeoutMs / 2),
    },
  }) as Server;
}

/** An address that a client can name. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
