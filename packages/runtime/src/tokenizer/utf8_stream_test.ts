/** Tests of utf8_stream.ts. */
import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { Utf8Stream } from "./utf8_stream.ts";

/** Valid text, a byte order mark, and every sort of invalid byte. */
const PIECES: readonly number[][] = [
  [0x41],
  [0xc3, 0xa9],
  [0xe2, 0x82, 0xac],
  [0xf0, 0x9f, 0x98, 0x80],
  [0xef, 0xbb, 0xbf],
  [0x80],
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x98],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf5],
  [0xff],
];

Deno.test("Utf8Stream: any split gives the text of the whole", () => {
  const random = seededRandom(3);
  const stream = new Utf8Stream();
  for (let round = 0; round < 1000; round++) {
    const bytes = Uint8Array.from(
      Array.from({ length: 1 + random(12) }, () => PIECES[random(PIECES.length)]).flat(),
    );
    let text = "";
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + random(4));
      text += stream.push(bytes.subarray(at, end));
      at = end;
    }
    text += stream.end();
    assertEquals(text, new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  }
});

Deno.test("Utf8Stream: nothing is given out before it is certain", () => {
  const stream = new Utf8Stream();
  const parts = [0xf0, 0x9f, 0x98, 0x80, 0x21].map((byte) => stream.push(new Uint8Array([byte])));
  assertEquals(parts, ["", "", "", "😀", "!"]);
  assertEquals(stream.push(new Uint8Array([0xe2, 0x82])), "");
  assertEquals(stream.end(), "\ufffd");
  assertEquals(stream.end(), "");
});
