/** Shows an answer as it comes: the thought dimmed on a terminal only, then the answer. Generates nothing. */
import type { CompleteOptions } from "@aha/runtime";
import type { CommandIo } from "../command.ts";
import { dimText } from "./dim_text.ts";
import { printable } from "./size_text.ts";

/** Callbacks that write to stdout; a pipe gets the answer alone, as it is. */
export function showAnswer(io: CommandIo): Pick<CompleteOptions, "onText" | "onReasoning"> {
  if (!io.outIsTerminal) return { onText: (text) => io.out(text) };
  const dim = dimText(io);
  let afterThought = false;
  return {
    onReasoning: (text) => {
      afterThought = true;
      io.out(dim(printable(text)));
    },
    onText: (text) => {
      io.out(`${afterThought ? "\n\n" : ""}${printable(text)}`);
      afterThought = false;
    },
  };
}
