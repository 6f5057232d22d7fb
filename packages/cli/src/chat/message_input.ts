/** Reads one message of one or more lines, and knows how a person leaves. Interprets no command. */
import type { LineInput } from "../line_input/line_input.ts";

/** Before the first line of a message. */
export const PROMPT = "> ";
const NEXT_LINE_PROMPT = "… ";
/** Shown at Ctrl-C where there is nothing to clear. */
export const HOW_TO_LEAVE = "Ctrl-C again, Ctrl-D or /bye leaves";

/**
 * The next message, or undefined when the input has ended or the person leaves by a second Ctrl-C. A line that ends
 * with a backslash goes on in the next one; empty messages are none.
 */
export async function readMessage(
  lines: LineInput,
  notice: (text: string) => void,
): Promise<string | undefined> {
  let before: string[] = [];
  let isLeaving = false;
  for (;;) {
    const event = await lines.read(before.length > 0 ? NEXT_LINE_PROMPT : PROMPT);
    if (event.type === "end") return before.length > 0 ? before.join("\n") : undefined;
    if (event.type === "interrupt") {
      const isEmpty = before.length === 0 && event.text === "";
      if (isEmpty && isLeaving) return undefined;
      if (isEmpty) notice(HOW_TO_LEAVE);
      isLeaving = isEmpty;
      before = [];
      continue;
    }
    isLeaving = false;
    if (endsOpen(event.text)) {
      before.push(event.text.slice(0, -1));
      continue;
    }
    const message = [...before, event.text].join("\n");
    if (message.trim() !== "") return message;
    before = [];
  }
}

/** Two backslashes are a text's own. */
function endsOpen(line: string): boolean {
  const backslashes = line.length - line.replace(/\\+$/, "").length;
  return backslashes % 2 === 1;
}
