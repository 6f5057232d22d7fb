/** Makes several lines one editable line: pasted line breaks and Alt-Enter become a visible sign. Edits and shows nothing. */

/** Stands for a line break in an edited line; one column wide. */
export const LINE_BREAK = "␊";
/** Asks a terminal to mark what is pasted (xterm's "bracketed paste", mode 2004), and no longer to. */
export const PASTE_MARKS = { on: "\x1b[?2004h", off: "\x1b[?2004l" } as const;

const START = "\x1b[200~";
const END = "\x1b[201~";
const ALT_ENTER = "\x1b\r";

/** Keys on their way from a terminal to the line editor. */
export class PasteFilter {
  #held = "";
  #isPasting = false;
  #endsWithReturn = false;

  /** The keys for the editor; a mark cut in two waits for its rest. */
  push(keys: string): string {
    let rest = this.#held + keys;
    this.#held = "";
    let out = "";
    for (;;) {
      const mark = this.#isPasting ? END : START;
      const at = rest.indexOf(mark);
      if (at < 0) break;
      out += this.#text(rest.slice(0, at));
      rest = rest.slice(at + mark.length);
      this.#isPasting = !this.#isPasting;
      this.#endsWithReturn = false;
    }
    const cut = cutMark(rest, this.#isPasting ? END : START);
    this.#held = rest.slice(rest.length - cut);
    return out + this.#text(rest.slice(0, rest.length - cut));
  }

  #text(keys: string): string {
    if (!this.#isPasting) return keys.replaceAll(ALT_ENTER, LINE_BREAK);
    const text = this.#endsWithReturn ? keys.replace(/^\n/, "") : keys;
    if (keys !== "") this.#endsWithReturn = keys.endsWith("\r");
    // Other control characters would be keys to the editor; a tab is worth its width.
    return text.replace(/\r\n|[\r\n]/g, LINE_BREAK).replaceAll("\t", "    ").replace(
      /\p{Cc}/gu,
      "",
    );
  }
}

/** How many characters at the end may begin a mark; Escape alone may be the key. */
function cutMark(keys: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, keys.length); length >= 2; length--) {
    if (keys.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}

/** The message that an edited line stands for. */
export function withLineBreaks(line: string): string {
  return line.replaceAll(LINE_BREAK, "\n");
}
