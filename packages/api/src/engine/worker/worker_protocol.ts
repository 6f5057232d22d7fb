/** What a model's worker and the engine's thread say to each other, over postMessage. Holds no state. */
import type { LoadProgress } from "@aha/runtime";
import type { CrossingError } from "./crossing_error.ts";
import type { ModelToLoad } from "../model_loader.ts";
import type { AnswerEvents } from "./outbox.ts";
import type {
  EmbedOptions,
  GenerationRequest,
  ModelFacts,
  ServedEvent,
  ServedModel,
} from "../served_model.ts";

/**
 * Tokens of an answer that may be on their way before its reader has taken them. Enough that no step waits for a message
 * from the other thread, few enough that not much is computed for a reader who takes none.
 */
export const WINDOW = 16;

/** How many tokens an event brings; joined events bring as many as they did apart. */
export function tokensOf(event: ServedEvent): number {
  return event.type === "end" ? 0 : event.tokens.length;
}

/** What is called across, by name: methods of a served model, and what makes it. Signals cross as `cancel`. */
export interface WorkerCalls {
  load(model: ModelToLoad): Promise<ModelFacts>;
  /** Its events come apart; the result says that there are no more. */
  generate(request: GenerationRequest): Promise<void>;
  embed(
    inputs: Parameters<ServedModel["embed"]>[0],
    options: Omit<EmbedOptions, "signal">,
  ): ReturnType<ServedModel["embed"]>;
  tokenize: ServedModel["tokenize"];
  tokenBytes: ServedModel["tokenBytes"];
  detokenize: ServedModel["detokenize"];
  applyTemplate: ServedModel["applyTemplate"];
  occupancy: ServedModel["load"];
  close: ServedModel["close"];
}

/** A method and its arguments. */
export type WorkerCall = {
  [Method in keyof WorkerCalls]: {
    readonly method: Method;
    readonly args: Parameters<WorkerCalls[Method]>;
  };
}[keyof WorkerCalls];

/** What a method gives. */
export type ResultOf<Method extends keyof WorkerCalls> = Awaited<ReturnType<WorkerCalls[Method]>>;

/** To the worker. `id` is of a call. */
export type ToWorker =
  | ({ readonly kind: "call"; readonly id: number } & WorkerCall)
  /** The answer's reader, or whoever called, has gone. */
  | { readonly kind: "cancel"; readonly id: number }
  /** So many tokens more have been taken. */
  | { readonly kind: "taken"; readonly id: number; readonly tokens: number }
  /** The answer to `plan`: there is memory, or why not. */
  | { readonly kind: "reserved"; readonly error?: CrossingError };

/** From the worker. */
export type FromWorker =
  /** Its program runs, or could not be loaded. */
  | { readonly kind: "started"; readonly failure?: string }
  | { readonly kind: "progress"; readonly progress: LoadProgress }
  | { readonly kind: "plan"; readonly neededBytes: number }
  /** What a step has brought, for several answers. */
  | {
    readonly kind: "events";
    readonly answers: readonly AnswerEvents[];
  }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly error: CrossingError };
