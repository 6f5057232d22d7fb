/** The whole API over a tiny model on a free port of this machine: for tests that speak HTTP. Keeps no other state than its parts. */
import { serve } from "npm:@hono/node-server@2.1.9";
import type { Server } from "node:http";
import { createApp } from "../../packages/api/src/app.ts";
import type { AppOptions } from "../../packages/api/src/app_options.ts";
import { createEngine } from "../../packages/api/src/engine/create_engine.ts";
import type { EngineConfig } from "../../packages/api/src/engine/engine_config.ts";
import type { Engine } from "../../packages/api/src/engine/engine.ts";
import { fixturePath } from "./fixture.ts";

/** A running server. */
export interface ApiServer {
  readonly engine: Engine;
  readonly port: number;
  /** Without a slash at its end. */
  readonly url: string;
  /** What the server's owner was told of its own faults. */
  readonly faults: unknown[];
  /** Posts JSON. */
  readonly post: (path: string, body: unknown, init?: RequestInit) => Promise<Response>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** What of the server is not as usual. */
export interface ApiServerChanges {
  /** Default: one tiny model, `tiny`, in a worker. */
  readonly engine?: Partial<EngineConfig>;
  readonly app?: AppOptions;
  /** Time in which a head must have arrived. */
  readonly headTimeoutMs?: number;
  /** Sees each request before the app does. */
  readonly onRequest?: (request: Request) => void;
}

const MODELS = [{ name: "tiny", source: fixturePath("models/llama_untied/gguf/model-F32.gguf") }];

/** Starts a server whose models are loaded. */
export async function startApiServer(changes: ApiServerChanges = {}): Promise<ApiServer> {
  const faults: unknown[] = [];
  const engine = await createEngine({ models: MODELS, preload: true, ...changes.engine });
  const app = createApp(engine, {
    ...{ onError: (error) => void faults.push(error), onAccess: () => {} },
    ...changes.app,
  });
  const { promise: listening, resolve } = Promise.withResolvers<number>();
  const server = serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    serverOptions: {
      headersTimeout: changes.headTimeoutMs,
      connectionsCheckingInterval: 100,
    },
    fetch: (request, env) => {
      changes.onRequest?.(request);
      return app.fetch(request, env);
    },
  }, ({ port }) => resolve(port));
  const port = await listening;
  const url = `http://127.0.0.1:${port}`;
  for (const { name } of engine.models()) (await engine.acquire(name))[Symbol.dispose]();
  return {
    ...{ engine, port, url, faults },
    post: (path, body, init = {}) =>
      fetch(url + path, {
        ...{ method: "POST", body: JSON.stringify(body), ...init },
        headers: { "content-type": "application/json", ...init.headers },
      }),
    [Symbol.asyncDispose]: async () => {
      await engine.close({ graceMs: 0 });
      const closed = new Promise((resolve) => server.close(resolve));
      (server as Server).closeAllConnections();
      await closed;
    },
  };
}
