/** An io that stands for a person at a terminal: keys typed in order, Ctrl-C while an answer comes. Touches no real stream. */
import { PassThrough } from "node:stream";
import type { CommandIo } from "../../packages/cli/src/command.ts";
import { LineEditor } from "../../packages/cli/src/line_input/line_editor.ts";
import { capturedIo } from "./captured_io.ts";

/** What a person does: types `keys` at the next prompt; and presses Ctrl-C after so many pieces of output. */
export interface Typed {
  readonly keys: string;
  readonly interruptAfter?: number;
}

/** `written.out` holds all that the terminal shows but for the editor's own echo. */
export function interactiveIo(
  typed: readonly Typed[],
): { io: CommandIo; written: { out: string; error: string } } {
  const { io, written } = capturedIo();
  const input = new PassThrough();
  const rest = [...typed];
  let piecesLeft = Infinity;
  return {
    written,
    io: {
      ...io,
      outIsTerminal: true,
      out(text) {
        io.out(text);
        if (--piecesLeft === 0) input.write("\x03");
      },
      openLines(options) {
        const editor = new LineEditor(input, new PassThrough().resume(), options);
        return Promise.resolve({
          isTerminal: true,
          close: () => editor.close(),
          read(prompt) {
            const event = editor.read(prompt);
            const next = rest.shift() ?? { keys: "\x04" };
            piecesLeft = next.interruptAfter ?? Infinity;
            input.write(next.keys);
            return event;
          },
        });
      },
    },
  };
}
