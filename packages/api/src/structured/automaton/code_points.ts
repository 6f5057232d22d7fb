/** Characters as edges over their UTF-8 bytes. Escapes nothing. */
import type { Grammar } from "./grammar.ts";

/** Code points, ascending and apart; both ends are in. */
export type CodePointRanges = readonly (readonly [low: number, high: number])[];

/** The code points of one to four bytes, without halves of surrogate pairs, with the mark of their first byte. */
const LENGTHS: readonly (readonly [low: number, high: number, tails: number, mark: number])[] = [
  [0, 0x7f, 0, 0],
  [0x80, 0x7ff, 1, 0xc0],
  [0x800, 0xd7ff, 2, 0xe0],
  [0xe000, 0xffff, 2, 0xe0],
  [0x10000, 0x10ffff, 3, 0xf0],
];

/** Takes one character of the ranges. */
export function addCodePoints(
  grammar: Grammar,
  from: number,
  ranges: CodePointRanges,
  to: number,
): void {
  const anyTail = [to];
  /** A node from which so many bytes of any value lead to the end of the character. */
  const tailNode = (tails: number): number => {
    if (anyTail[tails] === undefined) {
      anyTail[tails] = grammar.addNode();
      grammar.addRange(anyTail[tails], 0x80, 0xbf, tailNode(tails - 1));
    }
    return anyTail[tails];
  };
  const add = (node: number, low: number, high: number, tails: number, mark: number): void => {
    const unit = 1 << (6 * tails);
    let [first, last] = [Math.floor(low / unit), Math.floor(high / unit)];
    const addPart = (byte: number, lowRest: number, highRest: number): void => {
      const next = grammar.addNode();
      grammar.addRange(node, mark + byte, mark + byte, next);
      add(next, lowRest, highRest, tails - 1, 0x80);
    };
    if (tails > 0 && first === last && (low % unit !== 0 || high % unit !== unit - 1)) {
      return addPart(first, low % unit, high % unit);
    }
    if (low % unit !== 0) addPart(first++, low % unit, unit - 1);
    if (high % unit !== unit - 1) addPart(last--, 0, high % unit);
    if (first <= last) grammar.addRange(node, mark + first, mark + last, tailNode(tails));
  };
  for (const [low, high] of ranges) {
    for (const [least, most, tails, mark] of LENGTHS) {
      if (low > most || high < least) continue;
      add(from, Math.max(low, least), Math.min(high, most), tails, mark);
    }
  }
}
