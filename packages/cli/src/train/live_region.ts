/** Lines at the foot of a terminal that are drawn anew in place, and lines that stay above them. Chooses no content. */
import { columnsOf } from "./styled_line.ts";

/** Terminals that know these draw the whole update at once; others pass over them. */
const BEGIN_UPDATE = "\x1b[?2026h";
const END_UPDATE = "\x1b[?2026l";

/** The region; nothing is drawn before its first update. */
export class LiveRegion {
  #lines: readonly string[] = [];

  /** `columns` is asked at each update: the terminal may have been resized. */
  constructor(
    private readonly write: (text: string) => void,
    private readonly columns: () => number,
  ) {}

  /** Draws these lines in place of the last ones; each must fit the columns. */
  update(lines: readonly string[]): void {
    this.write(
      BEGIN_UPDATE + this.#erased() + lines.map((line) => `${line}\n`).join("") + END_UPDATE,
    );
    this.#lines = lines;
  }

  /** Writes a line that stays, above the region. */
  print(line: string): void {
    const lines = this.#lines;
    this.write(
      `${BEGIN_UPDATE}${this.#erased()}${line}\n${
        lines.map((l) => `${l}\n`).join("")
      }${END_UPDATE}`,
    );
  }

  /** Back to the region's first row, everything below gone. */
  #erased(): string {
    const columns = Math.max(1, this.columns());
    // A terminal that has become narrower has wrapped what stood there.
    const rows = this.#lines.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(columnsOf(line) / columns)),
      0,
    );
    return rows === 0 ? "" : `\x1b[${rows}A\r\x1b[J`;
  }
}
