/** The API over a scripted engine, asked without a socket: for tests of routes. Starts no server. */
import { createApp } from "../../packages/api/src/app.ts";
import type { AppOptions } from "../../packages/api/src/app_options.ts";
import type { Engine } from "../../packages/api/src/engine/engine.ts";
import type { GenerationRequest } from "../../packages/api/src/engine/served_model.ts";
import { type Script, type ScriptedEngine, scriptedEngine } from "./scripted_engine.ts";

/** An app and the engine behind it. */
export interface ScriptedApp {
  readonly engine: ScriptedEngine;
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  /** Posts JSON. */
  readonly post: (path: string, body: unknown, init?: RequestInit) => Promise<Response>;
  /** For clients that take a `fetch`, and for servers. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
}

export function scriptedApp(
  script: Script | ((request: GenerationRequest) => Script),
  options: AppOptions = {},
  /** What is otherwise of the engine, which is given as it was. */
  changes: (engine: ScriptedEngine) => Partial<Engine> = () => ({}),
): ScriptedApp {
  const engine = scriptedEngine(script);
  const app = createApp(Object.assign(engine, changes({ ...engine })), options);
  const request = (path: string, init?: RequestInit) => Promise.resolve(app.request(path, init));
  return {
    engine,
    request,
    post: (path, body, init = {}) =>
      request(path, {
        ...init,
        method: "POST",
        headers: { "content-type": "application/json", ...init.headers },
        body: JSON.stringify(body),
      }),
    fetch: (input, init) => {
      const isWhole = input instanceof Request && init === undefined;
      return Promise.resolve(app.fetch(isWhole ? input : new Request(input, init)));
    },
  };
}

/** The data of each frame of a stream, parsed; comments and event names are left out. */
export function framesOf(text: string): unknown[] {
  return text
    .split("\n\n")
    .flatMap((frame) => frame.split("\n").filter((line) => line.startsWith("data: ")))
    .map((line) => line.slice(6))
    .map((data) => data === "[DONE]" ? data : JSON.parse(data));
}

/** Waits until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  if (!isSo()) throw new Error("It has not come to be in a second");
}
