/** Lines from a terminal: node:readline's editing and history, pasted text in one piece, Ctrl-C at any time. Interprets no line. */
import { PassThrough, type Readable, type Writable } from "node:stream";
import { createInterface, type Interface } from "node:readline";
import type { LineEvent, LineInput, LineInputOptions } from "./line_input.ts";
import { PASTE_MARKS, PasteFilter, withLineBreaks } from "./paste_filter.ts";

/** A terminal to read from. */
export type TerminalKeys = Readable & { setRawMode?(isRaw: boolean): unknown };

const HISTORY_LINES = 500;
const CTRL_C = "\x03";
/** Keys that may end a line: what follows waits for the next one. */
const LAST_KEY = /[\r\n\cC\cD]/;

/**
 * The terminal stays in raw mode from the beginning to `close`, so what is typed while nobody reads is neither shown
 * nor lost; Ctrl-C then calls `onInterrupt` and drops it.
 */
export class LineEditor implements LineInput {
  readonly isTerminal = true;
  readonly #input: TerminalKeys;
  readonly #output: Writable;
  readonly #options: LineInputOptions;
  /** What readline believes to be the terminal; it gets one line at a time. */
  readonly #keys = new PassThrough() as TerminalKeys;
  readonly #editor: Interface;
  readonly #filter = new PasteFilter();
  readonly #decoder = new TextDecoder();
  readonly #receive = (bytes: Uint8Array): void => this.#push(bytes);
  readonly #finish = (): void => this.#editor.close();
  #typed = "";
  #isEnded = false;
  #resolve: ((event: LineEvent) => void) | undefined;

  constructor(input: TerminalKeys, output: Writable, options: LineInputOptions = {}) {
    this.#input = input;
    this.#output = output;
    this.#options = options;
    this.#keys.setRawMode = (isRaw: boolean) => input.setRawMode?.(isRaw);
    const words = options.words ?? [];
    this.#editor = createInterface({
      input: this.#keys,
      output,
      terminal: true,
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      completer: (
        line: string,
      ) => [line ? words.filter((word) => word.startsWith(line)) : [], line],
    });
    this.#editor.on("line", (line) => this.#give({ type: "line", text: withLineBreaks(line) }));
    this.#editor.on("SIGINT", () => this.interrupt());
    this.#editor.on("close", () => {
      this.#isEnded = true;
      this.#give({ type: "end" });
    });
    input.on("data", this.#receive);
    input.on("end", this.#finish);
  }

  read(prompt: string): Promise<LineEvent> {
    if (this.#isEnded) return Promise.resolve({ type: "end" });
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#output.write(PASTE_MARKS.on);
      this.#editor.setPrompt(prompt);
      this.#editor.prompt();
      this.#feed();
    });
  }

  /** What Ctrl-C does. */
  interrupt(): void {
    if (!this.#resolve) {
      this.#typed = "";
      this.#options.onInterrupt?.();
      return;
    }
    const text = this.#editor.line;
    this.#editor.write(null, { ctrl: true, name: "e" }); // below all rows of the line
    Object.assign(this.#editor, { line: "", cursor: 0 });
    this.#output.write("\n");
    this.#give({ type: "interrupt", text: withLineBreaks(text) });
  }

  close(): void {
    this.#input.off("data", this.#receive);
    this.#input.off("end", this.#finish);
    this.#input.pause();
    this.#editor.close();
  }

  #push(bytes: Uint8Array): void {
    this.#typed += this.#filter.push(this.#decoder.decode(bytes, { stream: true }));
    if (this.#resolve) this.#feed();
    else if (this.#typed.includes(CTRL_C)) this.interrupt();
  }

  /** Readline never sees more than belongs to the line that is read. */
  #feed(): void {
    while (this.#resolve && this.#typed !== "") {
      const last = LAST_KEY.exec(this.#typed);
      const part = last ? this.#typed.slice(0, last.index + 1) : this.#typed;
      this.#typed = this.#typed.slice(part.length);
      this.#keys.emit("data", new TextEncoder().encode(part));
    }
  }

  #give(event: LineEvent): void {
    const resolve = this.#resolve;
    if (!resolve) return;
    this.#resolve = undefined;
    this.#output.write(PASTE_MARKS.off);
    resolve(event);
  }
}
