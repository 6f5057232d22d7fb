/** Shows the events of an answer: the thought dimmed and counted on a terminal, the answer alone on a pipe. Generates nothing. */
import type { EndEvent, GenerationEvent } from "@aha/runtime";
import type { CommandIo } from "../command.ts";
import { dimText } from "../terminal/dim_text.ts";
import { printable } from "../terminal/size_text.ts";

/** After this long without a token the terminal says what is going on. */
const CALM_MS = 500;
const WAITING = "reading the conversation …";
const ERASE_LINE = "\r\x1b[K";

/** How an answer is shown. */
export interface AnswerViewOptions {
  /** Default 500. */
  readonly calmMs?: number;
}

/**
 * Shows an answer until it ends; the end event is the result.
 * @throws what `events` throws, when the line has been ended
 */
export async function showEvents(
  events: AsyncIterable<GenerationEvent>,
  io: CommandIo,
  { calmMs = CALM_MS }: AnswerViewOptions = {},
): Promise<EndEvent | undefined> {
  const view = io.outIsTerminal ? new TerminalView(io, calmMs) : new PipeView(io);
  try {
    for await (const event of events) {
      if (event.type === "end") return event;
      view[event.type](event.text, event.ids.length);
    }
  } finally {
    view.end();
  }
}

/** What a script reads. */
class PipeView {
  #last = "";

  constructor(readonly io: CommandIo) {}

  reasoning(): void {}

  content(text: string): void {
    if (text === "") return;
    this.io.out(text);
    this.#last = text;
  }

  end(): void {
    if (this.#last !== "" && !this.#last.endsWith("\n")) this.io.out("\n");
  }
}

/** What a person sees. */
class TerminalView {
  readonly #io: CommandIo;
  readonly #dim: (text: string) => string;
  readonly #timer: ReturnType<typeof setTimeout>;
  #isWaitingShown = false;
  #thoughtTokens = 0;
  #isInThought = false;
  /** The last character shown, "\n" at the beginning of a line. */
  #last = "\n";

  constructor(io: CommandIo, calmMs: number) {
    this.#io = io;
    this.#dim = dimText(io);
    this.#timer = setTimeout(() => {
      this.#isWaitingShown = true;
      io.out(this.#dim(WAITING));
    }, calmMs);
  }

  reasoning(text: string, tokens: number): void {
    this.#thoughtTokens += tokens;
    this.#show(text, this.#dim);
    if (text !== "") this.#isInThought = true;
  }

  content(text: string): void {
    if (text === "") return;
    this.#closeThought();
    this.#show(text, (shown) => shown);
  }

  end(): void {
    this.#stopWaiting();
    this.#closeThought();
    if (this.#last !== "\n") this.#io.out("\n");
  }

  #show(text: string, style: (text: string) => string): void {
    this.#stopWaiting();
    if (text === "") return;
    this.#io.out(style(printable(text)));
    this.#last = text.slice(-1);
  }

  #closeThought(): void {
    if (!this.#isInThought) return;
    this.#isInThought = false;
    const count = `thought for ${this.#thoughtTokens} ${
      this.#thoughtTokens === 1 ? "token" : "tokens"
    }`;
    this.#io.out(`${this.#last === "\n" ? "" : "\n"}${this.#dim(`· ${count}`)}\n\n`);
    this.#last = "\n";
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    if (this.#isWaitingShown) this.#io.out(ERASE_LINE);
    this.#isWaitingShown = false;
  }
}
