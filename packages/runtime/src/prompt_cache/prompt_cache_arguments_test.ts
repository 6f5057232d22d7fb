/** Tests of what is taken as a prompt, a place to read and a place to write. */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { checkPrompt, checkSource, targetOf } from "./prompt_cache_arguments.ts";

Deno.test("checkSource: paths, URLs and Blobs; bytes are told what to do, in a short line", () => {
  for (const from of ["a", new URL("file:///a"), new Blob([])]) checkSource(from);
  const bytes = new Uint8Array(100_000);
  const error = assertThrows(() => checkSource(bytes), TypeError, "wrap the bytes in a Blob");
  assertEquals(error.message.length < 150, true);
  assertThrows(() => checkSource(null), TypeError, "not from null");
  assertThrows(() => checkSource(3), TypeError, "not from a number");
});

Deno.test("targetOf: paths, file URLs and sinks", () => {
  const sink = { write: () => {} };
  assertStrictEquals(targetOf(sink), sink);
  assertEquals([targetOf("a"), targetOf(new URL("file:///a%20b"))], ["a", "/a b"]);
  const wrong = (to: unknown) => targetOf(to as string);
  assertThrows(() => wrong(new URL("https://a.example/b")), TypeError, "not to a URL of https:");
  assertThrows(() => wrong(null), TypeError, "not to null");
  assertThrows(() => wrong({}), TypeError, "not to an object of Object");
});

Deno.test("checkPrompt: text and arrays", () => {
  for (const prompt of ["", [1]]) checkPrompt(prompt);
  assertThrows(() => checkPrompt(undefined), TypeError, "not undefined");
  assertThrows(() => checkPrompt(new Uint32Array(40)), TypeError, "not an object of Uint32Array");
});
