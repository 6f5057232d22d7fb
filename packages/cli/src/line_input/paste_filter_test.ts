/** Tests of paste_filter.ts: pasted line breaks become signs wherever the keys are cut. */
import { assertEquals } from "@std/assert";
import { LINE_BREAK, PasteFilter, withLineBreaks } from "./paste_filter.ts";

const PASTED = "a\x1b[200~one\r\ntwo\rthree\nf\tour\x03\x1b[201~\rb";
const FILTERED = `aone${LINE_BREAK}two${LINE_BREAK}three${LINE_BREAK}f    our\rb`;

Deno.test("PasteFilter.push: line breaks of a paste are signs, those typed are keys", () => {
  assertEquals(new PasteFilter().push(PASTED), FILTERED);
  assertEquals(withLineBreaks(`one${LINE_BREAK}two`), "one\ntwo");
});

Deno.test("PasteFilter.push: the same wherever the keys are cut, but for Escape alone", () => {
  for (let at = 0; at <= PASTED.length; at++) {
    if (PASTED[at - 1] === "\x1b") continue; // a person may press Escape
    const filter = new PasteFilter();
    assertEquals(
      filter.push(PASTED.slice(0, at)) + filter.push(PASTED.slice(at)),
      FILTERED,
      `${at}`,
    );
  }
});

Deno.test("PasteFilter.push: other keys pass, Alt-Enter is a line break", () => {
  for (const keys of ["\x1b", "\x1b[A", "\x1b[3~", "\t", "\x03", "é😀"]) {
    assertEquals(new PasteFilter().push(keys), keys);
  }
  assertEquals(new PasteFilter().push("a\x1b\rb"), `a${LINE_BREAK}b`);
  const filter = new PasteFilter();
  assertEquals(filter.push("\x1b[20") + filter.push("~"), "\x1b[20~"); // F9 begins like a mark
});
