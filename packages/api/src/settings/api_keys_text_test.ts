/** Tests of api_keys_text.ts. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { readApiKeys } from "./api_keys_text.ts";

Deno.test("readApiKeys: keys with and without names, between commas and blanks", () => {
  assertEquals(readApiKeys(""), []);
  assertEquals(readApiKeys(" , "), []);
  assertEquals(readApiKeys("one, ci:two\n three=="), [
    { name: "key-1", key: "one" },
    { name: "ci", key: "two" },
    { name: "key-3", key: "three==" },
  ]);
});

Deno.test("readApiKeys: what no header can carry is refused, and not told", () => {
  for (
    const wrong of [
      "ok,sécret",
      "ok,ci:",
      "ok,a:secret:b",
      "ok,:secret",
      "ok,sec\u0000ret",
      "ok,==",
    ]
  ) {
    const { message } = assertThrows(() => readApiKeys(wrong), RangeError, "API key 2 ");
    assert(!message.includes("cret"), message);
  }
});
