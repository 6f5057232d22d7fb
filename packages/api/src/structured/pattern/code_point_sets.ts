/** Sets of code points: unions, complements and the classes of regular expressions. */
import type { CodePointRanges } from "../automaton/code_points.ts";

const LAST = 0x10ffff;

/** Every code point; halves of surrogate pairs are no characters of their own and are left out by `addCodePoints`. */
export const ANY: CodePointRanges = [[0, LAST]];

/** What is in one of the two. */
export function united(a: CodePointRanges, b: CodePointRanges): CodePointRanges {
  const merged: [number, number][] = [];
  for (const [low, high] of [...a, ...b].sort((x, y) => x[0] - y[0])) {
    const last = merged[merged.length - 1];
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

/** What is not in it. */
export function inverted(ranges: CodePointRanges): CodePointRanges {
  const others: [number, number][] = [];
  let next = 0;
  for (const [low, high] of ranges) {
    if (low > next) others.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= LAST) others.push([next, LAST]);
  return others;
}

const DIGITS: CodePointRanges = [[0x30, 0x39]];
const WORDS: CodePointRanges = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACES: CodePointRanges = [
  ...[[0x09, 0x0d], [0x20, 0x20], [0xa0, 0xa0], [0x1680, 0x1680], [0x2000, 0x200a]] as const,
  ...[[0x2028, 0x2029], [0x202f, 0x202f], [0x205f, 0x205f], [0x3000, 0x3000]] as const,
  [0xfeff, 0xfeff],
];
const LINE_ENDS: CodePointRanges = [[0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]];

/** Classes by the letter of their escape, and `.`. */
export const CLASSES: Readonly<Record<string, CodePointRanges>> = {
  ...{ d: DIGITS, D: inverted(DIGITS), w: WORDS, W: inverted(WORDS) },
  ...{ s: SPACES, S: inverted(SPACES), ".": inverted(LINE_ENDS) },
};
