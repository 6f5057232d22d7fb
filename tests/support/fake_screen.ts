/** A terminal's screen from what was written to it: text, line feeds, cursor up, erase below, wrapping. Knows no other code. */
import { columnsOf } from "../../packages/cli/src/train/styled_line.ts";

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Rows as a person sees them, with what has scrolled away above; throws at codes that it does not know. */
export class FakeScreen {
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(public columns: number, readonly height = 24) {}

  /** Rows without blanks at their ends, and without empty rows at the end. */
  get text(): string {
    return this.#rows.map((row) => row.join("").trimEnd()).join("\n").trimEnd();
  }

  /** Gives the terminal another width: rows that are too long wrap. */
  resize(columns: number): void {
    const below = this.#rows.length - this.#row;
    this.columns = columns;
    this.#rows = this.#rows.flatMap((row) => {
      const count = Math.max(1, Math.ceil(row.length / columns));
      return Array.from({ length: count }, (_, i) => row.slice(i * columns, (i + 1) * columns));
    });
    this.#row = this.#rows.length - below;
  }

  write(text: string): void {
    const [begin, ...parts] = text.split("\x1b[");
    this.#print(begin);
    for (const part of parts) {
      const [code, , count, letter] = /^(\??(\d*)[\d;]*([A-Za-z]))/.exec(part) ?? [];
      if (code === undefined) throw new Error(`unknown code ${JSON.stringify(part)}`);
      this.#control(letter, Number(count || 1));
      this.#print(part.slice(code.length));
    }
  }

  #print(text: string): void {
    for (const { segment } of GRAPHEMES.segment(text)) this.#put(segment);
  }

  #control(letter: string, count: number): void {
    if (letter === "m" || letter === "h" || letter === "l") return;
    if (letter === "A") {
      this.#row -= count;
      const top = Math.max(0, this.#rows.length - this.height);
      if (this.#row < top) {
        throw new Error(`the cursor went ${top - this.#row} rows above the screen`);
      }
    } else if (letter === "J") {
      this.#rows.length = this.#row + 1;
      this.#rows[this.#row].length = Math.min(this.#rows[this.#row].length, this.#column);
    } else throw new Error(`unknown code ${letter}`);
  }

  #put(grapheme: string): void {
    if (grapheme === "\n") {
      this.#row++;
      this.#column = 0;
      this.#rows[this.#row] ??= [];
      return;
    }
    if (grapheme === "\r") {
      this.#column = 0;
      return;
    }
    const width = columnsOf(grapheme);
    if (this.#column + width > this.columns) this.#put("\n");
    this.#rows[this.#row][this.#column] = grapheme;
    for (let i = 1; i < width; i++) this.#rows[this.#row][this.#column + i] = "";
    this.#column += width;
  }
}
