/** A model in this thread. Keeps no queue and knows no other model. */
import {
  type GenerateOptions,
  type GenerationEvent,
  loadModel,
  type Model,
  type TokenConstraint,
  type TokenLogprob,
} from "@aha/runtime";
import type { LoadHooks, ModelToLoad } from "./model_loader.ts";
import type {
  GenerationRequest,
  ModelFacts,
  Prompt,
  ServedEvent,
  ServedModel,
  ServedToken,
} from "./served_model.ts";

/**
 * Loads a model in this thread, which its steps block for up to 50 ms (250 where it has helper threads).
 * @throws what `loadModel` throws
 */
export async function loadLocalModel(
  { name, source, options }: ModelToLoad,
  { signal, reserve, onProgress }: Omit<LoadHooks, "onLost">,
): Promise<ServedModel> {
  const model = await loadModel(source, {
    ...{ ...options, signal, onProgress },
    onPlan: ({ totalBytes }) => reserve(totalBytes),
  });
  return servedModel(name, model);
}

/** A loaded model as the API sees it; closing it closes the model. */
export function servedModel(name: string, model: Model): ServedModel {
  const { tokenizer } = model;
  return {
    name,
    facts: factsOf(model),
    async *generate(request, signal) {
      signal?.throwIfAborted();
      const constraint = await constraintOf(model, request);
      const options = { ...request.options, signal, ...(constraint ? { constraint } : {}) };
      for await (const event of eventsOf(model, request.prompt, options)) {
        yield servedEvent(model, event);
      }
    },
    async embed(inputs, { truncates, adapter, signal } = {}) {
      const most = truncates ? model.contextTokens : Infinity;
      const prompts = inputs.map((input) =>
        typeof input === "string" ? model.embeddingIds(input, most) : input.slice(0, most)
      );
      const vectors = await model.embedBatch(prompts, { adapter, signal });
      return { vectors, promptTokens: prompts.reduce((sum, { length }) => sum + length, 0) };
    },
    tokenize: (text, { special, addBos } = {}) =>
      settled(() => {
        const { bosId } = tokenizer;
        const ids = tokenizer.encode(text, { special });
        return addBos && tokenizer.addBos && bosId !== undefined ? [bosId, ...ids] : ids;
      }),
    tokenBytes: (ids) => settled(() => ids.map((id) => tokenizer.bytesOf(id))),
    detokenize: (ids) => settled(() => tokenizer.decode(ids)),
    applyTemplate: ({ messages, ...prompt }) => settled(() => model.chatText(messages, prompt)),
    load: () =>
      settled(() => {
        const { running, usedPages, keptPages, maxPages } = model.occupancy();
        return { running, usedPages: usedPages - keptPages, keptPages, maxPages };
      }),
    close: () => model.close(),
  };
}

/** What `run` gives, or throws, as a promise. */
function settled<T>(run: () => T): Promise<T> {
  return new Promise((resolve) => resolve(run()));
}

function factsOf(model: Model): ModelFacts {
  const { config, contextTokens, file, isReasoning, backend, loadMs, memoryBytes } = model;
  const { architecture, vocabulary, width, layers } = config;
  const { chatTemplate } = model.tokenizer;
  return {
    ...{ architecture, contextTokens, vocabulary, width, layers, ...file },
    ...(chatTemplate !== undefined ? { chatTemplate } : {}),
    ...{ isReasoning, backend, loadMs, memoryBytes },
  };
}

function eventsOf(
  model: Model,
  prompt: Prompt,
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent> {
  if (prompt.kind === "ids") return model.generate(prompt.ids, options);
  if (prompt.kind === "text") return model.generate(prompt.text, options);
  const { messages, tools, variables, prefix, think = options.think } = prompt;
  return model.chat(messages, { ...options, tools, variables, prefix, think });
}

/** Who never asks for a form loads nothing of what holds answers to it. */
async function constraintOf(
  { tokenizer }: Model,
  { constraint }: GenerationRequest,
): Promise<TokenConstraint | undefined> {
  if (!constraint) return undefined;
  const { compileConstraint } = await import("../structured/mod.ts");
  return (await compileConstraint(constraint, tokenizer)).start();
}

function servedEvent({ tokenizer }: Model, event: GenerationEvent): ServedEvent {
  if (event.type === "end") return event;
  const { type, text, ids, logprobs, alternatives } = event;
  const served = ({ id, logprob }: TokenLogprob): ServedToken => ({
    ...{ id, bytes: tokenizer.bytesOf(id), logprob },
  });
  const tokens = ids.map((id, i) => ({
    ...served({ id, logprob: logprobs[i] }),
    ...(alternatives ? { top: alternatives[i].map(served) } : {}),
  }));
  return { type, text, tokens };
}
