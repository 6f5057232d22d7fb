/** What a conversation reads its lines from: a terminal with a line editor, or a pipe. Types only. */

/** What came instead of or as a line. */
export type LineEvent =
  | { readonly type: "line"; readonly text: string }
  /** Ctrl-C; `text` is what stood in the line, which is gone. */
  | { readonly type: "interrupt"; readonly text: string }
  | { readonly type: "end" };

/** Lines, read one by one. */
export interface LineInput {
  /** A person types: lines are edited after a prompt and kept in a history. */
  readonly isTerminal: boolean;
  /** Shows `prompt` on a terminal and gives what comes. What was typed before is not lost. */
  read(prompt: string): Promise<LineEvent>;
  /** Gives the terminal back. */
  close(): void;
}

/** How to read lines. */
export interface LineInputOptions {
  /** Beginnings of lines that the Tab key completes. */
  readonly words?: readonly string[];
  /** Called at Ctrl-C on a terminal while no line is being read. */
  readonly onInterrupt?: () => void;
}
