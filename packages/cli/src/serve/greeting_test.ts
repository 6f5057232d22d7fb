/** Tests of greeting.ts. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { greeting } from "./greeting.ts";

function greeted(host: string, apiKeys: number, name = "tiny"): string {
  const listener = { host, port: 80, url: "http://127.0.0.1:80", close: () => Promise.resolve() };
  return greeting(listener, [{ name, source: "a" }, { name: "b", source: "b" }], apiKeys);
}

Deno.test("greeting: where, what, whether a key is needed, and a command that can be copied", () => {
  const text = greeted("127.0.0.1", 0, "it's");
  assertMatch(text, /^Aha serves it's, b at http:\/\/127\.0\.0\.1:80\nNo key is needed\.\n/);
  assertStringIncludes(text, `-d '{"model":"it'\\''s","messages":`);
  assert(!text.includes("authorization"));
  assertStringIncludes(greeted("127.0.0.1", 1), '    -H "authorization: Bearer $KEY" \\\n');
  assertStringIncludes(greeted("127.0.0.1", 1), "need the key.");
  assertStringIncludes(greeted("127.0.0.1", 3), "need one of 3 keys.");
});

Deno.test("greeting: all addresses of the machine where it listens on all", () => {
  const [first] = greeted("0.0.0.0", 1).split("\n");
  assertMatch(first, /^Aha serves tiny, b at http:\/\/127\.0\.0\.1:80(, http:\/\/[\d.]+:80)*$/);
  assertEquals(greeted("127.0.0.1", 1).split("\n")[0], "Aha serves tiny, b at http://127.0.0.1:80");
});
