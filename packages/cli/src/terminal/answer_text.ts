/** Shows an answer as it comes: the thought, dimmed on a terminal, then the answer. Generates nothing. */
import type { CompleteOptions } from "@aha/runtime";
import type { CommandIo } from "../command.ts";
import { dimText } from "./dim_text.ts";
import { printable } from "./size_text.ts";

/** Callbacks that write to stdout; a pipe gets the answer alone, as it is, or after its thought. */
export function showAnswer(
  io: CommandIo,
  withThought = false,
): Pick<CompleteOptions, "onText" | "onReasoning"> {
  const { outIsTerminal } = io;
  if (!outIsTerminal && !withThought) return { onText: (text) => io.out(text) };
  const shown = outIsTerminal ? printable : (text: string) => text;
  const dim = dimText(io);
  let afterThought = false;
  return {
    onReasoning: (text) => {
      afterThought = true;
      io.out(dim(shown(text)));
    },
    onText: (text) => {
      io.out(`${afterThought ? "\n\n" : ""}${shown(text)}`);
      afterThought = false;
    },
  };
}
