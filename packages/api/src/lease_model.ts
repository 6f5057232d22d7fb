/** Gets a model and a place for a request, and counts what it comes to. Runs nothing. */
import { MemoryError } from "@aha/runtime";
import type { AppContext } from "./app_options.ts";
import type { ChatEvent } from "./chat/chat_event.ts";
import {
  EngineClosingError,
  EngineMemoryError,
  QueueFullError,
  QueueTimeoutError,
  UnknownModelError,
} from "./engine/engine_errors.ts";
import type { AcquireOptions, Lease } from "./engine/engine.ts";
import type { ServedEvent } from "./engine/served_model.ts";
import { ApiError } from "./errors.ts";
import type { ApiContext, RequestRecord } from "./request_record.ts";

/** What the engine says of places and memory; all else that keeps it from giving one is a model that cannot be loaded. */
const ENGINE_ERRORS = [
  UnknownModelError,
  QueueFullError,
  QueueTimeoutError,
  EngineClosingError,
  EngineMemoryError,
  MemoryError,
];

/**
 * A place with its model ready, for the request of `c`. Give it back in any case (`using`).
 * @throws {ApiError} 503 where the model cannot be loaded; the engine's errors otherwise
 */
export async function leaseModel(
  { engine }: AppContext,
  c: ApiContext,
  model: string | undefined,
  options: Pick<AcquireOptions, "places" | "keepAliveMs"> = {},
): Promise<Lease> {
  const record = c.get("record");
  const { signal } = record;
  try {
    const client = record.client ?? addressOf(c);
    const lease = await engine.acquire(model, { client, signal, ...options });
    record.model = lease.entry.name;
    return lease;
  } catch (error) {
    signal.throwIfAborted();
    if (ENGINE_ERRORS.some((kind) => error instanceof kind)) throw error;
    throw new ApiError("unavailable", "The model could not be loaded", { cause: error });
  }
}

/** Where the server says so: Deno's and hono's Node adapter's ways. */
function addressOf(c: ApiContext): string | undefined {
  const env = c.env as {
    readonly remoteAddr?: { readonly hostname?: string };
    readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  } | undefined;
  return env?.remoteAddr?.hostname ?? env?.incoming?.socket?.remoteAddress;
}

/**
 * The events of the answers to one prompt, counted in the record as they come: an answer that is not waited for to its
 * end is counted too. The end tells of tokens that no piece had, as those of tool calls.
 */
export async function* metered<E extends (ServedEvent & { readonly choice?: number }) | ChatEvent>(
  record: RequestRecord,
  events: AsyncIterable<E>,
): AsyncGenerator<E, void> {
  const counted = new Map<number, number>();
  const count = (choice: number, total: number) => {
    record.completionTokens += total - (counted.get(choice) ?? 0);
    counted.set(choice, total);
  };
  let isPromptCounted = false;
  for await (const event of events) {
    const { choice = 0 } = event;
    if ("tokens" in event) count(choice, (counted.get(choice) ?? 0) + event.tokens.length);
    if (event.type === "end") {
      count(choice, event.usage.completionTokens);
      if (!isPromptCounted) record.promptTokens += event.usage.promptTokens;
      isPromptCounted = true;
      record.answers.push(event);
    }
    yield event;
  }
}
