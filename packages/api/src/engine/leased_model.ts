/** A model as a lease gives it: its answers end with the lease, and a lost model is reported. Runs nothing itself. */
import { ThreadError } from "@aha/runtime";
import type { ServedModel } from "./served_model.ts";

/**
 * The model, until `ended` is aborted, with its reason; with `adapter`, unless a request chooses otherwise. `onLost` is told when a thread of the model has died.
 * Closing it is the engine's business and does nothing here.
 */
export function leasedModel(
  model: ServedModel,
  ended: AbortSignal,
  onLost: (error: ThreadError) => void,
  adapter?: string,
): ServedModel {
  const withEnd = (signal?: AbortSignal) => signal ? AbortSignal.any([signal, ended]) : ended;
  const told = (error: unknown) => {
    if (error instanceof ThreadError) onLost(error);
    return error;
  };
  const chosen = adapter === undefined ? {} : { adapter };
  return {
    name: model.name,
    facts: model.facts,
    async *generate(request, signal) {
      try {
        const options = { ...chosen, ...request.options };
        yield* model.generate({ ...request, options }, withEnd(signal));
      } catch (error) {
        throw told(error);
      }
    },
    embed: (inputs, options = {}) =>
      model.embed(inputs, { ...chosen, ...options, signal: withEnd(options.signal) }).catch(
        (error) => {
          throw told(error);
        },
      ),
    tokenize: (text, options) => model.tokenize(text, options),
    tokenBytes: (ids) => model.tokenBytes(ids),
    detokenize: (ids) => model.detokenize(ids),
    applyTemplate: (prompt) => model.applyTemplate(prompt),
    load: () => model.load(),
    close: () => Promise.resolve(),
  };
}
