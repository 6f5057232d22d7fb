/** Tests of size_text.ts. */
import { assertEquals } from "@std/assert";
import { countText, printable, sizeText } from "./size_text.ts";

Deno.test("sizeText: takes the largest fitting unit", () => {
  assertEquals([0, 1023, 1024, 98_362_432, 5 * 2 ** 40].map(sizeText), [
    "0 bytes",
    "1023 bytes",
    "1.0 KiB",
    "93.8 MiB",
    "5.0 TiB",
  ]);
});

Deno.test("countText: takes thousands, millions, billions", () => {
  assertEquals([7, 1500, 134_515_008, 7e9].map(countText), ["7", "1.5 k", "134.5 M", "7.00 G"]);
});

Deno.test("printable: writes control characters out, keeps lines", () => {
  assertEquals(printable("a\n\tb\u001b[31m\u202e\r"), "a\n\tb\\u001b[31m\\u202e\\u000d");
});
