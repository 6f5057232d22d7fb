/** Models that load when a test says so and need the memory that it says. They compute nothing. */
import type {
  LoadHooks,
  ModelLoader,
  ModelToLoad,
} from "../../packages/api/src/engine/model_loader.ts";
import type { ServedModel } from "../../packages/api/src/engine/served_model.ts";

/** A load that waits for the test. */
export interface FakeLoad {
  readonly model: ModelToLoad;
  readonly hooks: LoadHooks;
  /** Ends the load: with a model, or with this error. */
  finish(error?: Error): void;
}

/** A loader, what it was asked for and what lives. */
export interface FakeModels {
  readonly load: ModelLoader;
  /** Every load that was begun. */
  readonly loads: FakeLoad[];
  /** Names of the models that are loaded and not closed. */
  readonly open: string[];
  /** What `generate` waits for before its only event; aborting ends it. */
  readonly answers: PromiseWithResolvers<void>[];
  /** Whether models are in a long step, and tell nothing meanwhile. */
  isBusy: boolean;
}

/** Loads end at once unless `isManual`; `bytes` of a model: 100 unless given. */
export function fakeModels(
  { bytes = {}, isManual = false }: {
    readonly bytes?: Readonly<Record<string, number>>;
    readonly isManual?: boolean;
  } = {},
): FakeModels {
  const models: FakeModels = {
    loads: [],
    open: [],
    answers: [],
    isBusy: false,
    load: async (model, hooks) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      promise.catch(() => {}); // while `reserve` is waited for
      hooks.signal.addEventListener("abort", () => reject(hooks.signal.reason));
      const finish = (error?: Error) => error ? reject(error) : resolve();
      models.loads.push({ model, hooks, finish });
      await hooks.reserve(bytes[model.name] ?? 100);
      if (!isManual) finish();
      await promise;
      models.open.push(model.name);
      return fakeModel(model.name, models);
    },
  };
  return models;
}

function fakeModel(name: string, models: FakeModels): ServedModel {
  const later = async <T>(value: T) => {
    await undefined;
    return value;
  };
  return {
    name,
    facts: {
      ...{ architecture: "llama", contextTokens: 512, vocabulary: 256, width: 64, layers: 2 },
      ...{ parameters: 1, sizeBytes: 1, quantization: "F32", isReasoning: false },
      ...{ loadMs: 1, memoryBytes: 1, backend: { name: "fake", variant: "fake", threads: 1 } },
    },
    async *generate(_request, signal) {
      const answer = Promise.withResolvers<void>();
      models.answers.push(answer);
      signal?.addEventListener("abort", () => answer.reject(signal.reason));
      await answer.promise;
      yield { type: "content", text: "x", tokens: [] };
    },
    embed: (inputs) => later({ vectors: [], promptTokens: inputs.length }),
    tokenize: () => later([]),
    tokenBytes: () => later([]),
    detokenize: () => later(""),
    applyTemplate: () => later(""),
    load: () => {
      if (models.isBusy) return new Promise(() => {});
      return later({ running: 0, usedPages: 0, keptPages: models.loads.length, maxPages: 9 });
    },
    close: async () => {
      await undefined;
      models.open.splice(models.open.indexOf(name), 1);
    },
  };
}
