/** A conversation with a model: remembers messages, and the tokens of answers as they were drawn. Generates nothing itself. */
import type { ChatOptions, GenerationEvent } from "./events.ts";
import { type ChatMessage, type Tokenizer, withAnswerIds } from "./tokenizer/mod.ts";

/** Options of an answer in a session. */
export type TurnOptions = Omit<ChatOptions, "prefix">;

/** What a session begins with; the rest are the defaults of each answer. */
export interface SessionOptions extends Omit<TurnOptions, "constraint"> {
  readonly system?: string;
  /** An earlier conversation, after the system message. */
  readonly messages?: readonly ChatMessage[];
}

/** What a session needs of a model. */
export interface ChatModel {
  readonly tokenizer: Tokenizer;
  chat(
    messages: readonly ChatMessage[],
    options: TurnOptions,
  ): AsyncGenerator<GenerationEvent>;
}

/** A conversation; made by `Model.session`. One answer at a time. */
export class ChatSession {
  readonly #model: ChatModel;
  readonly #options: TurnOptions;
  #messages: ChatMessage[];
  /** What the answer that is coming belongs to; another one once the conversation was reset. */
  #turn: symbol | undefined;

  /** Not for callers: see `Model.session`. */
  constructor(model: ChatModel, { system, messages = [], ...options }: SessionOptions) {
    this.#model = model;
    this.#options = options;
    this.#messages = [...messages];
    if (system !== undefined) this.#messages.unshift({ role: "system", content: system });
  }

  /** The conversation so far. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Forgets all messages, except for a system message; a new one may be given. An answer that is coming is forgotten too. */
  reset(system: string | undefined = this.#system()): void {
    this.#turn = undefined;
    this.#messages = system === undefined ? [] : [{ role: "system", content: system }];
  }

  /**
   * Sends a message and gives the answer, piece by piece. An answer that ends early, by an abort or because the reader
   * left, stays in the conversation as far as it came; if nothing came, the message does not stay either.
   * @throws what `Model.chat` throws
   * @throws {TypeError} while another answer is coming
   */
  async *send(
    message: string | ChatMessage,
    options: TurnOptions = {},
  ): AsyncGenerator<GenerationEvent> {
    if (this.#turn) throw new TypeError("The session is still giving another answer");
    const turn = this.#turn = Symbol("turn");
    const sent = typeof message === "string" ? { role: "user", content: message } : { ...message };
    const messages = [...this.#messages, sent];
    const answer = new Answer();
    const remember = (): void => {
      if (this.#turn !== turn) return;
      this.#turn = undefined;
      if (!answer.hasTokens) return;
      this.#messages = [...messages, answer.message(this.#model.tokenizer)];
    };
    try {
      for await (const event of this.#model.chat(messages, { ...this.#options, ...options })) {
        answer.add(event);
        if (event.type === "end") remember(); // a reader may stop at the end without saying so
        yield event;
      }
    } finally {
      remember();
    }
  }

  #system(): string | undefined {
    const [first] = this.#messages;
    return first?.role === "system" ? String(first.content) : undefined;
  }
}

/** One answer as it comes. */
class Answer {
  readonly #texts = { content: "", reasoning: "" };
  readonly #contentIds: number[] = [];
  hasTokens = false;

  add(event: GenerationEvent): void {
    if (event.type === "end") {
      this.hasTokens = true; // also an answer of nothing is one
      return;
    }
    if (event.ids.length > 0) this.hasTokens = true;
    this.#texts[event.type] += event.text;
    if (event.type === "content") this.#contentIds.push(...event.ids);
  }

  /**
   * The tokens stay where they say the same as the text, which a stop string may have cut. Line breaks between a thought
   * and its answer belong to neither: the template sets its own.
   */
  message(tokenizer: Tokenizer): ChatMessage {
    const { content, reasoning } = this.#texts;
    const message: ChatMessage = reasoning === ""
      ? { role: "assistant", content }
      : { role: "assistant", content, reasoning_content: reasoning };
    let ids: readonly number[] = this.#contentIds;
    while (ids.length > 0 && tokenizer.decode(ids) !== content && isSpace(tokenizer, ids[0])) {
      ids = ids.slice(1);
    }
    const isSame = content !== "" && tokenizer.decode(ids) === content;
    return isSame ? withAnswerIds(message, ids) : message;
  }
}

function isSpace(tokenizer: Tokenizer, id: number): boolean {
  return id < tokenizer.vocabularySize && tokenizer.decode([id]).trim() === "";
}
