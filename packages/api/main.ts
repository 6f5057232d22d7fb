/**
 * Ready entry for `deno serve` and Deno Deploy: serves the model that environment variables name (README.md lists them),
 * read over HTTP at the start. Listens on nothing itself.
 */
import process from "node:process";
import "@aha/runtime/embedded";
import { createApp, createEngine, environmentSettings } from "./mod.ts";

/** Deploy kills 5 seconds after its signal. */
const GRACE_MS = 3_500;

const { engine: config, app: options } = environmentSettings(process.env);
const engine = await createEngine({
  ...config,
  onReady: (model, { loadMs }) => console.error(`${model} is ready after ${Math.round(loadMs)} ms`),
  onFailure: (model, error) => console.error(`${model} failed:`, error.message),
});
const app = createApp(engine, options);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, async () => {
    await engine.close({ graceMs: GRACE_MS });
    process.exit(0);
  });
}

/** What `deno serve` and Deploy call for each request. */
const entry: { readonly fetch: (request: Request, info?: object) => Response | Promise<Response> } =
  { fetch: (request, info) => app.fetch(request, info) };

export default entry;
