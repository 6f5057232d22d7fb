/** Random text of whole characters for property tests: letters, marks, signs, spaces, line ends, any code point. Checks nothing. */

const SIGNS: readonly string[] = [
  ..."aZ é漢字かな한😀👍🏽 \n\r\t'sſ1½३!<|>{}_-/",
  "\u00a0",
  "\u0085",
  "\u0301",
  "\u0323",
  "\u200d",
  "\ufeff",
  "\u0000",
  "\u1100",
  "\u1161",
  "\u212b",
  "  ",
  "\r\n",
  "<think>",
  "<|im_end|>",
];

/** Up to `most` pieces; one in four is any code point that is no surrogate. */
export function wellFormedText(random: (limit: number) => number, most: number): string {
  return Array.from({ length: random(most) }, () => {
    if (random(4) > 0) return SIGNS[random(SIGNS.length)];
    const code = random(0x110000 - 0x800);
    return String.fromCodePoint(code < 0xd800 ? code : code + 0x800);
  }).join("");
}
