/** Makes an engine of its configuration: checks it, fills in what it leaves open. Runs nothing. */
import { describeModel } from "@aha/runtime";
import { type Clock, hostClock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import type { EngineConfig } from "./engine_config.ts";
import type { ModelDescriber, ModelLoader } from "./model_loader.ts";
import { ModelRegistry } from "./model_registry.ts";
import { modelLoader } from "./open_model.ts";
import { ServingEngine } from "./serving_engine.ts";

/**
 * Makes an engine; models load when they are asked for first, or at once where `preload` says so.
 * @throws {RangeError} if there are no models, a name is given twice or a number makes no sense
 *
 * @example
 * ```ts
 * import { createEngine } from "@aha/api";
 * const source = "tests/fixtures/models/llama_untied/gguf/model-F32.gguf";
 * const engine = await createEngine({ models: [{ name: "tiny", source }] });
 * {
 *   using lease = await engine.acquire("tiny");
 *   console.log(lease.model.facts.layers); // 2
 * }
 * await engine.close();
 * ```
 */
export async function createEngine(config: EngineConfig): Promise<Engine> {
  return await assembleEngine(config, modelLoader(config.thread), hostClock);
}

const describeFile: ModelDescriber = ({ source, options: { contextTokens } }, signal) =>
  describeModel(source, { contextTokens, signal });

/** An engine over any loader and any time. */
export function assembleEngine(
  config: EngineConfig,
  load: ModelLoader,
  clock: Clock,
  describe = describeFile,
): Engine {
  const { models, memoryBytes, preload = false, onProgress, onReady, onFailure } = config;
  const { slots = 8, maxQueued = 64, queueTimeoutMs = 60_000, keepAliveMs = Infinity } = config;
  checkNames(config);
  checkNumber("slots", slots, 1);
  checkNumber("maxQueued", maxQueued, 0);
  const registry = new ModelRegistry({
    ...{ models, load, describe, clock, slots, memoryBytes, keepAliveMs, queueTimeoutMs },
    ...{ onProgress, onReady, onFailure },
  });
  const engine = new ServingEngine({ registry, clock, slots, maxQueued, queueTimeoutMs });
  const all = models.map(({ name }) => name);
  const wanted = typeof preload === "boolean" ? (preload ? all : []) : preload;
  for (const name of wanted) registry.find(name);
  if (wanted.length > 0) engine.preload(wanted);
  return engine;
}

function checkNames({ models }: EngineConfig): void {
  if (models.length === 0) throw new RangeError("An engine needs at least one model");
  const names = models.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new RangeError(`The model name ${JSON.stringify(twice)} is given twice`);
  }
}

function checkNumber(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new RangeError(`${name} is ${value}, it must be a whole number of at least ${least}`);
}
