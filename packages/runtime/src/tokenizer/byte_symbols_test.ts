/** Tests of byte_symbols.ts. */
import { assertEquals } from "@std/assert";
import { bytesOfSymbols, symbolOfByte, symbolsOfBytes } from "./byte_symbols.ts";

Deno.test("symbolOfByte: each byte has a character of its own", () => {
  assertEquals(symbolOfByte.length, 256);
  assertEquals(new Set(symbolOfByte).size, 256);
  assertEquals([symbolOfByte[0x20], symbolOfByte[0x0a], symbolOfByte[0x41]], ["Ġ", "Ċ", "A"]);
  assertEquals([symbolOfByte[0x7f], symbolOfByte[0xad], symbolOfByte[0xff]], ["ġ", "Ń", "ÿ"]);
});

Deno.test("bytesOfSymbols: undoes symbolsOfBytes, and refuses other characters", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assertEquals(bytesOfSymbols(symbolsOfBytes(bytes)), bytes);
  assertEquals(bytesOfSymbols("a b"), undefined);
  assertEquals(bytesOfSymbols("｜"), undefined);
});
