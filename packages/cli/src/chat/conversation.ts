/** The conversation behind `aha chat`: its session, settings and what the last answer took. Shows nothing. */
import type { ChatMessage, ChatSession, EndEvent, GenerationEvent, Model } from "@aha/runtime";
import { type OptionValues, UsageError } from "../command.ts";
import { generationOptions } from "../generation_options.ts";
import { lastExchange, withoutOldest } from "./exchanges.ts";

/** What a conversation needs of a model. */
export type ConversationModel = Pick<
  Model,
  | "name"
  | "adapters"
  | "backend"
  | "contextTokens"
  | "kvType"
  | "memoryBytes"
  | "session"
  | "chatIds"
>;

/** How a conversation begins. */
export interface ConversationOptions {
  readonly system?: string;
  /** Go on where the context is full: answers slide, and the oldest messages are forgotten. */
  readonly slides?: boolean;
}

/** One conversation, which may be begun anew; one answer at a time. */
export class Conversation {
  readonly #slides: boolean;
  #session: ChatSession;
  #unanswered: string | undefined;
  #retries = 0;
  #lastEnd: EndEvent | undefined;
  #lastSeed: number | undefined;
  #forgotten = 0;

  /** `settings` are option values as on the command line, such as `{temperature: "0"}`; they may be replaced. */
  constructor(
    readonly model: ConversationModel,
    public settings: OptionValues,
    { system, slides = false }: ConversationOptions = {},
  ) {
    this.#slides = slides;
    this.#session = model.session({ system });
  }

  get messages(): readonly ChatMessage[] {
    return this.#session.messages;
  }

  get system(): string | undefined {
    const [first] = this.messages;
    return first?.role === "system" ? String(first.content) : undefined;
  }

  /** How the last whole answer ended. */
  get lastEnd(): EndEvent | undefined {
    return this.#lastEnd;
  }

  /** The seed of the last answer, drawn where none is set. */
  get lastSeed(): number | undefined {
    return this.#lastSeed;
  }

  /** How many messages the last answer has made room for by being forgotten. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Begins anew with these messages. */
  begin(messages: readonly ChatMessage[]): void {
    this.#session = this.model.session({ messages });
    this.#unanswered = undefined;
    this.#lastEnd = undefined;
  }

  /** Tokens that the next message comes after. */
  contextUsed(): number {
    if (this.messages.length === 0) return 0;
    return this.model.chatIds(this.messages, generationOptions(this.settings)).length;
  }

  /** Answers a message. One that fails before any token leaves the conversation as it was. */
  async *ask(message: string, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    this.#retries = 0;
    yield* this.#send(message, signal);
  }

  /** Answers the last message again; the answer before it goes once the new one has begun. */
  async *retry(signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    if (this.#unanswered !== undefined) return yield* this.#send(this.#unanswered, signal);
    const last = lastExchange(this.messages);
    if (!last) throw new UsageError("there is no message to answer again");
    const before = this.#session;
    this.#session = this.model.session({ messages: last.before });
    this.#retries++;
    try {
      yield* this.#send(last.message, signal);
    } finally {
      if (this.#unanswered !== undefined) {
        this.#session = before;
        this.#unanswered = undefined;
      }
    }
  }

  async *#send(message: string, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    const options = generationOptions(this.settings);
    const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
    const onFullContext = this.#slides ? "slide" : "stop";
    this.#lastSeed = seed;
    this.#unanswered = message;
    this.#forgotten = 0;
    const whole = this.#session;
    if (this.#slides) this.#makeRoom(message, options);
    const sent = { ...options, seed, choice: this.#retries, onFullContext, signal } as const;
    const session = this.#session;
    const before = session.messages;
    try {
      for await (const event of session.send(message, sent)) {
        if (event.type === "end") this.#lastEnd = event;
        yield event;
      }
    } finally {
      if (session.messages !== before) this.#unanswered = undefined;
      else this.#session = whole;
    }
  }

  /** Where a message no longer fits, the oldest ones go until half of the context is free: each time costs a prefill. */
  #makeRoom(message: string, options: ReturnType<typeof generationOptions>): void {
    const tokens = (messages: readonly ChatMessage[]) =>
      this.model.chatIds([...messages, { role: "user", content: message }], options).length;
    let kept = this.messages;
    if (tokens(kept) < this.model.contextTokens) return;
    for (;;) {
      const fewer = withoutOldest(kept);
      if (!fewer) break;
      kept = fewer;
      if (tokens(kept) <= this.model.contextTokens / 2) break;
    }
    if (tokens(kept) >= this.model.contextTokens) return; // forgetting would not help
    this.#forgotten = this.messages.length - kept.length;
    this.#session = this.model.session({ messages: kept });
  }
}
