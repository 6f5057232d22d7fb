/** Stand-in. */
import type { ServedModel } from "../engine/served_model.ts";
import type { ChatEvent } from "./chat_event.ts";
import type { ChatRequest } from "./chat_request.ts";
import { interleave } from "./interleave.ts";

export async function* runChat(
  model: ServedModel,
  { messages, choices = 1, options, format, prefix, think, tools, templateVariables }: ChatRequest,
  signal?: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const inner = new AbortController();
  const stop = () => inner.abort();
  signal?.addEventListener("abort", () => inner.abort(signal.reason));
  const source = async function* (choice: number): AsyncGenerator<ChatEvent> {
    const constraint = format === undefined
      ? undefined
      : format === "json"
      ? { kind: "json" as const }
      : { kind: "schema" as const, schema: format.schema };
    const prompt = {
      kind: "chat" as const,
      ...{ messages, prefix, think, variables: templateVariables },
      tools: tools?.map((f) => ({ type: "function", function: f })),
    };
    let calls = 0;
    const request = { prompt, options: { ...options, choice }, constraint };
    for await (const event of model.generate(request, inner.signal)) {
      if (event.type === "end") {
        const finishReason = calls > 0 ? "tool_calls" : event.finishReason;
        yield { choice, ...event, finishReason };
      } else if (event.text.startsWith("CALL ")) {
        const [, name, text] = event.text.split(" ");
        const call = { id: `call_${`${calls}`.padStart(24, "a")}`, name, arguments: text };
        yield { choice, type: "tool_call", index: calls++, call };
      } else yield { choice, ...event };
    }
  };
  yield* interleave(Array.from({ length: choices }, (_, i) => source(i)), stop);
}
