/** Server-sent events as OpenAI's and DeepSeek's streams write them. Sends nothing itself. */
import { openAiError } from "./errors.ts";
import type { StreamForm } from "./streamed_response.ts";

/** The frame that ends a stream which went well. */
export const DONE_FRAME = "data: [DONE]\n\n";

/** A frame; `event` names its type where clients listen for it by name. */
export function sseFrame(data: unknown, event?: string): string {
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** Streams of OpenAI's form: `: keep-alive` is a comment, an error is the last frame. */
export function sseForm(requestId: string): StreamForm {
  return {
    contentType: "text/event-stream; charset=utf-8",
    keepAlive: ": keep-alive\n\n",
    error: (failure) => sseFrame(openAiError(failure, requestId)),
  };
}
