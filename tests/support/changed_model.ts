/** A scripted engine whose model does some things its own way: for `changes` of `scriptedApp`. Scripts no answers. */
import type { Engine } from "../../packages/api/src/engine/engine.ts";
import type { ServedModel } from "../../packages/api/src/engine/served_model.ts";
import type { ScriptedEngine } from "./scripted_engine.ts";

export function changedModel(
  changes: (model: ServedModel) => Partial<ServedModel>,
): (engine: ScriptedEngine) => Partial<Engine> {
  return (engine) => ({
    acquire: async (...asked) => {
      const lease = await engine.acquire(...asked);
      const model = { ...lease.model, ...changes(lease.model) };
      return { ...lease, model, [Symbol.dispose]: () => lease[Symbol.dispose]() };
    },
  });
}
