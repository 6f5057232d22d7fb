/** The whole API over a tiny model on a free port of this machine: for tests that speak HTTP. Keeps no other state than its parts. */
import { createApp } from "../../packages/api/src/app.ts";
import type { AppOptions } from "../../packages/api/src/app_options.ts";
import { createEngine } from "../../packages/api/src/engine/create_engine.ts";
import type { EngineConfig } from "../../packages/api/src/engine/engine_config.ts";
import type { Engine } from "../../packages/api/src/engine/engine.ts";
import { listen, type Listener, type ListenOptions } from "../../packages/api/src/listen/mod.ts";
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
  readonly listen?: ListenOptions;
  /** Listens with `Deno.serve`, as `deno serve` does, instead of `listen`. */
  readonly isDenoServe?: boolean;
  /** Sees each request before the app does. */
  readonly onRequest?: (request: Request) => void;
}

const MODELS = [{ name: "tiny", source: fixturePath("models/llama_untied/gguf/model-F32.gguf") }];

function denoListener(fetchApp: Deno.ServeHandler): Listener {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(options, fetchApp);
  const { hostname: host, port } = server.addr;
  return { host, port, url: `http://${host}:${port}`, close: () => server.shutdown() };
}

/** Starts a server whose models are loaded. */
export async function startApiServer(changes: ApiServerChanges = {}): Promise<ApiServer> {
  const faults: unknown[] = [];
  const engine = await createEngine({ models: MODELS, preload: true, ...changes.engine });
  const app = createApp(engine, {
    ...{ onError: (error) => void faults.push(error), onAccess: () => {} },
    ...changes.app,
  });
  const fetchApp = (request: Request, environment?: object) => {
    changes.onRequest?.(request);
    return app.fetch(request, environment);
  };
  const listener = changes.isDenoServe
    ? denoListener(fetchApp)
    : await listen({ fetch: fetchApp }, { port: 0, ...changes.listen });
  const { port, url } = listener;
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
      await listener.close({ graceMs: 0 });
    },
  };
}
