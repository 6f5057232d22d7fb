/** From chat events to a response and the events of its stream. Runs and sends nothing. */
import type { Usage } from "@aha/runtime";
import type { ChatEvent, ToolCall } from "../../chat/chat_event.ts";
import { costOf } from "../../chat/usage.ts";
import type { Lease } from "../../engine/engine.ts";
import type { ServedText } from "../../engine/served_model.ts";
import type { Failure } from "../../errors.ts";
import type { OutputItem, ResponseObject, ResponseRequest } from "../../schema/response.ts";
import { newId, unixSeconds, wireLogprobs } from "./answer_facts.ts";
import { wantsLogprobs } from "./response_request.ts";

/** An event of the stream, to be written before the next one is made; `sequence_number` counts them. */
export interface ResponseStreamEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

type TextItem = Extract<OutputItem, { readonly content: unknown }>;

/** One response as it comes: items open and close in turn, one at a time. */
export class ResponseBuilder {
  readonly #withLogprobs: boolean;
  readonly #lease: Lease;
  #response: ResponseObject;
  #sequence = 0;
  /** The item that text is being added to: the last one of the output. */
  #open: TextItem | undefined;

  constructor(lease: Lease, request: ResponseRequest) {
    this.#lease = lease;
    this.#withLogprobs = wantsLogprobs(request);
    this.#response = emptyResponse(lease.entry.name, request);
  }

  get response(): ResponseObject {
    return this.#response;
  }

  /** What a stream begins with. */
  begin(): ResponseStreamEvent[] {
    return [this.#status("response.created"), this.#status("response.in_progress")];
  }

  push(event: ChatEvent): ResponseStreamEvent[] {
    switch (event.type) {
      case "end":
        return this.#end(event.finishReason === "length", event.usage);
      case "tool_call":
        return [...this.#close(), ...this.#call(event.call)];
      default:
        return this.#text(event);
    }
  }

  /** The end of a stream that an error has broken off. */
  fail({ code, message }: Failure): ResponseStreamEvent {
    const error = { code: code ?? "server_error", message };
    this.#response = { ...this.#response, status: "failed", error };
    return this.#status("response.failed");
  }

  #text(event: ServedText): ResponseStreamEvent[] {
    const { type, text, tokens } = event;
    const logprobs = this.#withLogprobs && type === "content" ? wireLogprobs(tokens) : [];
    if (text === "" && logprobs.length === 0) return [];
    const wanted = type === "content" ? "message" : "reasoning";
    const opened = this.#open?.type === wanted ? [] : [...this.#close(), ...this.#openItem(wanted)];
    const item = this.#open as TextItem;
    const [part] = item.content;
    part.text += text;
    if (part.type === "reasoning_text") {
      return [...opened, this.#ofPart("response.reasoning_text.delta", item, { delta: text })];
    }
    part.logprobs.push(...logprobs);
    const told = { delta: text, logprobs };
    return [...opened, this.#ofPart("response.output_text.delta", item, told)];
  }

  #openItem(type: TextItem["type"]): ResponseStreamEvent[] {
    const status = "in_progress" as const;
    const item: TextItem = type === "message"
      ? { type, id: newId("msg_"), status, role: "assistant", content: [] }
      : { type, id: newId("rs_"), status, summary: [], content: [] };
    this.#response.output.push(item);
    this.#open = item;
    const added = this.#ofItem("response.output_item.added", item);
    if (item.type === "message") {
      item.content.push({ type: "output_text", text: "", annotations: [], logprobs: [] });
    } else item.content.push({ type: "reasoning_text", text: "" });
    const part = structuredClone(item.content[0]);
    return [added, this.#ofPart("response.content_part.added", item, { part })];
  }

  /** Ends the open item, where there is one. */
  #close(status: "completed" | "incomplete" = "completed"): ResponseStreamEvent[] {
    const item = this.#open;
    if (!item) return [];
    this.#open = undefined;
    item.status = status;
    const [part] = item.content;
    const { text } = part;
    const done = part.type === "output_text"
      ? this.#ofPart("response.output_text.done", item, { text, logprobs: part.logprobs })
      : this.#ofPart("response.reasoning_text.done", item, { text });
    return [
      done,
      this.#ofPart("response.content_part.done", item, { part }),
      this.#ofItem("response.output_item.done", item),
    ];
  }

  /** A call comes whole: its arguments are one delta. */
  #call({ id: call_id, name, arguments: text }: ToolCall): ResponseStreamEvent[] {
    const item: OutputItem = {
      ...{ type: "function_call" as const, id: newId("fc_"), status: "in_progress" as const },
      ...{ call_id, name, arguments: "" },
    };
    this.#response.output.push(item);
    const added = this.#ofItem("response.output_item.added", item);
    Object.assign(item, { arguments: text, status: "completed" });
    const at = { item_id: item.id, output_index: this.#lastIndex };
    return [
      added,
      this.#event("response.function_call_arguments.delta", { ...at, delta: text }),
      this.#event("response.function_call_arguments.done", { ...at, name, arguments: text }),
      this.#ofItem("response.output_item.done", item),
    ];
  }

  #end(isCut: boolean, usage: Usage): ResponseStreamEvent[] {
    const closed = this.#close(isCut ? "incomplete" : "completed");
    const status = isCut ? "incomplete" : "completed";
    this.#response = {
      ...this.#response,
      status,
      completed_at: isCut ? null : unixSeconds(),
      incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
      usage: responseUsage(usage, this.#lease),
    };
    return [...closed, this.#status(`response.${status}`)];
  }

  get #lastIndex(): number {
    return this.#response.output.length - 1;
  }

  #event(type: string, fields: object): ResponseStreamEvent {
    return { type, sequence_number: this.#sequence++, ...fields };
  }

  #status(type: string): ResponseStreamEvent {
    return this.#event(type, { response: this.#response });
  }

  /** The item goes on changing while events of it wait to be written: hence the copy. */
  #ofItem(type: string, item: OutputItem): ResponseStreamEvent {
    const output_index = this.#lastIndex;
    return this.#event(type, { output_index, item: structuredClone(item) });
  }

  #ofPart(type: string, { id: item_id }: OutputItem, fields: object): ResponseStreamEvent {
    const at = { item_id, output_index: this.#lastIndex, content_index: 0 };
    return this.#event(type, { ...at, ...fields });
  }
}

function emptyResponse(model: string, request: ResponseRequest): ResponseObject {
  const { text, tools, tool_choice, temperature, top_p, reasoning, metadata } = request;
  return {
    ...{ id: newId("resp_"), object: "response", created_at: unixSeconds(), completed_at: null },
    ...{ status: "in_progress", background: false, error: null, incomplete_details: null },
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    ...{ max_tool_calls: null, metadata: metadata ?? {}, model, output: [] },
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: reasoning?.effort ?? null, summary: null },
    ...{ service_tier: "default", store: false, temperature: temperature ?? null },
    text: { format: text?.format ?? { type: "text" } },
    ...{ tool_choice: tool_choice ?? "auto", tools: tools ?? [] },
    ...{ top_logprobs: request.top_logprobs ?? 0, top_p: top_p ?? null, truncation: "disabled" },
    ...{ usage: null, user: request.user ?? null },
  };
}

function responseUsage(usage: Usage, { entry: { prices } }: Lease): ResponseObject["usage"] {
  const { promptTokens, cachedPromptTokens, completionTokens, reasoningTokens } = usage;
  return {
    input_tokens: promptTokens,
    input_tokens_details: {
      cached_tokens: cachedPromptTokens,
      cache_write_tokens: promptTokens - cachedPromptTokens,
    },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
    ...(prices ? { cost: costOf(usage, prices), cost_currency: prices.currency } : {}),
  };
}
