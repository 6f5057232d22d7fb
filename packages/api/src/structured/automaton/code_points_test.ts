/** Tests of code_points.ts: exactly the UTF-8 of the characters of a range. */
import { assertEquals } from "@std/assert";
import { addCodePoints, type CodePointRanges } from "./code_points.ts";
import { Grammar } from "./grammar.ts";
import { Machine, type State } from "./machine.ts";

const RANGES: readonly CodePointRanges[] = [
  [[0, 0x10ffff]],
  [[0x61, 0x7a], [0xe9, 0xe9], [0x7ff, 0x801], [0xfffe, 0x10001]],
  [[0xd000, 0xe001]],
  [[0x3fffe, 0x4abcd], [0x10fffe, 0x10ffff]],
];

Deno.test("code points: those of the range and no halves of surrogate pairs", () => {
  const encoder = new TextEncoder();
  for (const ranges of RANGES) {
    const grammar = new Grammar();
    const rule = grammar.addRule();
    addCodePoints(grammar, rule.start, ranges, rule.end);
    const machine = new Machine(grammar, new Uint8Array(256).fill(1));
    const start = machine.stateOf([{ node: rule.start, context: machine.outermost(rule) }]);
    const accepts = (bytes: Iterable<number>) => {
      let state: State | null = start;
      for (const byte of bytes) state = state && machine.step(state, byte);
      return state?.isEnd ?? false;
    };
    for (let code = 0; code <= 0x10ffff; code += code < 0x3000 || code % 0x1000 > 0xff8 ? 1 : 7) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const isIn = ranges.some(([low, high]) => low <= code && code <= high);
      assertEquals(accepts(encoder.encode(String.fromCodePoint(code))), isIn, code.toString(16));
    }
    for (
      const bytes of [[0xed, 0xa0, 0x80], [0xc0, 0x80], [0xe0, 0x80, 0x80], [
        0xf4,
        0x90,
        0x80,
        0x80,
      ]]
    ) {
      assertEquals(accepts(bytes), false);
    }
  }
});
