/** Tests of tool_dialect.ts: what a dialect writes is what it reads. How answers are read: see tool_call_stream_test.ts. */
import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { ToolCallStream } from "./tool_call_stream.ts";
import { dialects, writeCalls, type WrittenCall } from "./tool_dialect.ts";

Deno.test("dialects: random calls are read as they were written, whatever stands in them", () => {
  const random = seededRandom(3);
  const pick = (from: readonly string[]) => from[random(from.length)];
  const texts = [
    "",
    "x",
    '"',
    "\\",
    "</tool_call>",
    "```",
    "<｜tool▁call▁end｜>",
    "{",
    "}]",
    "\n😀",
    "é",
  ];
  const names = ["f", "get_weather", "a.b-c", "function", "name"];
  const value = (depth: number): unknown => {
    const kind = random(depth > 3 ? 3 : 5);
    if (kind === 0) return pick(texts) + pick(texts);
    if (kind === 1) return random(2000) / 8 - 100;
    if (kind === 2) return random(2) === 0 ? null : random(2) === 0;
    const items = Array.from({ length: random(4) }, () => value(depth + 1));
    return kind === 3 ? items : Object.fromEntries(items.map((item) => [pick(texts), item]));
  };
  for (const dialect of dialects) {
    for (let round = 0; round < 200; round++) {
      const count = 1 + random(dialect.mostCalls > 1 ? 3 : 1);
      const calls = Array.from({ length: count }, () => ({
        name: pick(names),
        arguments: JSON.stringify({ a: value(0) }, null, random(3)),
      }));
      const stream = new ToolCallStream(dialect, () => true);
      const written = writeCalls(dialect, calls);
      const found: WrittenCall[] = [...stream.push(written, []), ...stream.end()].map((part) => {
        assertEquals(part.type, "call", written);
        return (part as { readonly call: WrittenCall }).call;
      });
      assertEquals(found, calls);
    }
  }
});

Deno.test("dialects: numbers of arguments keep their digits", () => {
  for (const dialect of dialects) {
    const call = { name: "f", arguments: '{"id": 12345678901234567890, "x": 1.0}' };
    const stream = new ToolCallStream(dialect, () => true);
    assertEquals(stream.push(writeCalls(dialect, [call]), [])[0], { type: "call", call });
  }
});
