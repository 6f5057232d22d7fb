/** An engine whose model says what a test has written down: for tests of routes. Loads and computes nothing. */
import type { AcquireOptions, Engine, Lease } from "../../packages/api/src/engine/engine.ts";
import { UnknownModelError } from "../../packages/api/src/engine/engine_errors.ts";
import type {
  GenerationRequest,
  ServedEvent,
  ServedModel,
} from "../../packages/api/src/engine/served_model.ts";

const encoder = new TextEncoder();

/** What a scripted model answers: pieces of reasoning and content, one token each. */
export interface Script {
  readonly reasoning?: readonly string[];
  readonly content: readonly string[];
  readonly finishReason?: "stop" | "length";
  /** Between pieces, milliseconds. */
  readonly pauseMs?: number;
  /** Thrown after the pieces, instead of an end. */
  readonly error?: Error;
}

/** An engine with one model; `requests` and `aborted` tell what was asked of it. */
export interface ScriptedEngine extends Engine {
  readonly requests: GenerationRequest[];
  readonly acquired: (AcquireOptions | undefined)[];
  /** Leases that were not given back. */
  open: number;
  /** Answers that their reader left or aborted. */
  aborted: number;
}

export function scriptedEngine(
  script: Script | ((request: GenerationRequest) => Script),
  name = "scripted",
): ScriptedEngine {
  const engine: ScriptedEngine = {
    requests: [],
    acquired: [],
    open: 0,
    aborted: 0,
    models: () => {
      const { facts } = model;
      return [{ name, created: 1_700_000_000, state: "ready", facts, head: facts }];
    },
    readHeads: () => Promise.resolve(),
    find: (asked) => engine.models().find((entry) => entry.name === asked),
    acquire: (asked, options) => {
      options?.signal?.throwIfAborted();
      if (asked !== undefined && asked !== name) throw new UnknownModelError(asked, [name]);
      engine.acquired.push(options);
      engine.open++;
      let isOpen = true;
      const lease: Lease = {
        model,
        entry: engine.models()[0],
        queuedMs: 0,
        loadMs: 0,
        [Symbol.dispose]: () => {
          if (isOpen) engine.open--;
          isOpen = false;
        },
      };
      return Promise.resolve(lease);
    },
    unload: () => Promise.resolve(),
    state: () => "ready",
    status: async () => ({
      state: engine.state(),
      slots: [{ id: 0 }],
      queued: 0,
      maxQueued: 4,
      models: [{ ...engine.models()[0], load: await model.load() }],
    }),
    close: () => Promise.resolve(),
  };
  const model = scriptedModel(name, engine, typeof script === "function" ? script : () => script);
  return engine;
}

function scriptedModel(
  name: string,
  engine: ScriptedEngine,
  scriptOf: (request: GenerationRequest) => Script,
): ServedModel {
  return {
    name,
    facts: {
      ...{ architecture: "llama", contextTokens: 512, vocabulary: 256, width: 64, layers: 2 },
      ...{ parameters: 1_000_000, sizeBytes: 1_100_000, quantization: "Q8_0" },
      ...{ chatTemplate: "{{ messages }}", isReasoning: true, loadMs: 1, memoryBytes: 2_000_000 },
      backend: { name: "wasm", variant: "simd", threads: 1 },
    },
    async *generate(request, signal) {
      engine.requests.push(request);
      let isDone = false;
      try {
        for await (const event of scriptEvents(scriptOf(request), request)) {
          signal?.throwIfAborted();
          isDone = event.type === "end";
          yield event;
        }
      } finally {
        if (!isDone) engine.aborted++;
      }
    },
    embed: (inputs) =>
      Promise.resolve({
        vectors: inputs.map(() => new Float32Array([1, 0])),
        promptTokens: inputs.length,
      }),
    tokenize: (text) => Promise.resolve([...encoder.encode(text)]),
    tokenBytes: (ids) => Promise.resolve(ids.map((id) => new Uint8Array([id]))),
    detokenize: (ids) => Promise.resolve(new TextDecoder().decode(new Uint8Array(ids))),
    applyTemplate: ({ messages }) => Promise.resolve(JSON.stringify(messages)),
    load: () => Promise.resolve({ running: engine.open, usedPages: 0, keptPages: 0, maxPages: 16 }),
    close: () => Promise.resolve(),
  };
}

async function* scriptEvents(
  { reasoning = [], content, finishReason = "stop", pauseMs, error }: Script,
  { options }: GenerationRequest,
): AsyncGenerator<ServedEvent> {
  const pieces = [
    ...reasoning.map((text) => ({ type: "reasoning" as const, text })),
    ...content.map((text) => ({ type: "content" as const, text })),
  ];
  for (const { type, text } of pieces) {
    if (pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const token = { id: text.length % 256, bytes: encoder.encode(text), logprob: -0.5 };
    yield { type, text, tokens: [{ ...token, ...(options.topLogprobs ? { top: [token] } : {}) }] };
  }
  if (error) throw error;
  const generatedTokens = pieces.length;
  yield {
    type: "end",
    finishReason,
    usage: {
      ...{ promptTokens: 10, cachedPromptTokens: 4, completionTokens: generatedTokens },
      reasoningTokens: reasoning.length,
    },
    timings: {
      ...{ promptTokens: 10, promptTokensPerSecond: 100, timeToFirstTokenMs: 60 },
      ...{ generatedTokens, tokensPerSecond: 50, draftedTokens: 0, acceptedTokens: 0 },
    },
  };
}
