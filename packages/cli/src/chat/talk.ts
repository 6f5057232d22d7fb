/** The loop of `aha chat`: reads messages and commands, shows answers, and goes on after every failure. Generates nothing. */
import type { GenerationEvent } from "@aha/runtime";
import { BrokenPipeError, type CommandIo } from "../command.ts";
import type { LineInput } from "../line_input/line_input.ts";
import { dimText } from "../terminal/dim_text.ts";
import { errorLine } from "../terminal/error_line.ts";
import { printable } from "../terminal/size_text.ts";
import { showEvents } from "./answer_view.ts";
import type { Conversation } from "./conversation.ts";
import { readMessage } from "./message_input.ts";
import { findCommand, parseEntered, type SlashContext } from "./slash_command.ts";
import { slashAliases, slashCommands } from "./slash_commands.ts";

/** Talks until the input ends or somebody leaves. */
export async function talk(conversation: Conversation, io: CommandIo): Promise<void> {
  const turn = new Turn(conversation, io);
  const words = slashCommands.map(({ name }) => `/${name}`);
  const lines = await io.openLines({ words, onInterrupt: () => turn.stop() });
  try {
    if (lines.isTerminal) turn.notice(greeting(conversation));
    await readAll(lines, turn);
  } finally {
    lines.close();
  }
}

function greeting({ model }: Conversation): string {
  const { name, contextTokens } = model;
  return `${
    printable(name)
  }, ${contextTokens} tokens of context. /help lists commands, Ctrl-D leaves`;
}

async function readAll(lines: LineInput, turn: Turn): Promise<void> {
  for (;;) {
    const text = await readMessage(lines, (text) => turn.notice(text));
    if (text === undefined) return;
    if (await turn.take(text, lines.isTerminal) === "leave") return;
  }
}

/** One message or command after the other. */
class Turn {
  readonly #conversation: Conversation;
  readonly #io: CommandIo;
  readonly #dim: (text: string) => string;
  #abort: AbortController | undefined;

  constructor(conversation: Conversation, io: CommandIo) {
    this.#conversation = conversation;
    this.#io = io;
    this.#dim = dimText(io);
  }

  /** Ends the answer that is coming, if any. */
  stop(): void {
    this.#abort?.abort(new Error("Stopped"));
  }

  /** A dim line for a person; a script finds it on stderr. */
  notice(text: string): void {
    if (this.#io.outIsTerminal) this.#io.out(`${this.#dim(text)}\n`);
    else this.#io.error(`${text}\n`);
  }

  /** Does what was entered; a failure is one line. */
  async take(text: string, isTerminal: boolean): Promise<"leave" | void> {
    const entered = parseEntered(text);
    try {
      if (entered.type === "message") {
        await this.#answer((signal) => this.#conversation.ask(entered.text, signal));
      } else {
        const command = findCommand(entered.name, [...slashCommands, ...slashAliases]);
        if (await command.run(entered.argument, this.#context()) === "leave") return "leave";
      }
    } catch (error) {
      if (error instanceof BrokenPipeError || this.#io.signal.aborted) throw error;
      this.#io.error(`aha: ${this.#advice(error)}\n`);
    }
    if (isTerminal) this.#io.out("\n");
  }

  #context(): SlashContext {
    return {
      conversation: this.#conversation,
      io: this.#io,
      notice: (text) => this.notice(text),
      answer: (events) => this.#answer(events),
    };
  }

  async #answer(events: (signal: AbortSignal) => AsyncGenerator<GenerationEvent>): Promise<void> {
    const abort = this.#abort = new AbortController();
    const before = this.#conversation.messages;
    try {
      const signal = AbortSignal.any([abort.signal, this.#io.signal]);
      const end = await showEvents(events(signal), this.#io);
      if (end?.finishReason === "length") this.notice(this.#whyCut());
    } catch (error) {
      if (!abort.signal.aborted || error !== abort.signal.reason) throw error;
      const isKept = this.#conversation.messages !== before;
      this.notice(isKept ? "stopped; what was said stays" : "stopped before the first word");
    } finally {
      this.#abort = undefined;
    }
    const { forgotten } = this.#conversation;
    if (forgotten > 0) this.notice(`the oldest ${forgotten} messages were forgotten to make room`);
  }

  #whyCut(): string {
    const { settings, lastEnd } = this.#conversation;
    const limit = settings["max-tokens"];
    const isLimit = limit !== undefined && lastEnd?.usage.completionTokens === Number(limit);
    return isLimit
      ? `cut after ${limit} tokens`
      : "cut because the context is full: /reset makes room";
  }

  #advice(error: unknown): string {
    if ((error as Error)?.name !== "ContextFullError") return errorLine(error);
    const { usedTokens, limitTokens } = error as { usedTokens?: number; limitTokens?: number };
    return `The conversation of ${usedTokens} tokens fills the context of ${limitTokens}: ` +
      "/reset forgets it; --ctx gives more room, --slide forgets the oldest messages";
  }
}
