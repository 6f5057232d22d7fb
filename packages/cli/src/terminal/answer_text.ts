/** Shows an answer as it comes: the thought dimmed on a terminal only, then the answer. Generates nothing. */
import process from "node:process";
import type { CompleteOptions } from "@aha/runtime";
import type { CommandIo } from "../command.ts";
import { printable } from "./size_text.ts";

/** Callbacks that write to stdout; a pipe gets the answer alone, as it is. */
export function showAnswer(io: CommandIo): Pick<CompleteOptions, "onText" | "onReasoning"> {
  if (!io.outIsTerminal) return { onText: (text) => io.out(text) };
  const [dim, normal] = process.env.NO_COLOR ? ["", ""] : ["\x1b[2m", "\x1b[22m"];
  let afterThought = false;
  return {
    onReasoning: (text) => {
      afterThought = true;
      io.out(`${dim}${printable(text)}${normal}`);
    },
    onText: (text) => {
      io.out(`${afterThought ? "\n\n" : ""}${printable(text)}`);
      afterThought = false;
    },
  };
}
