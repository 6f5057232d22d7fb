/** Tests of thought_parts.ts: where a thought ends and an answer begins. */
import { assertEquals } from "@std/assert";
import { thoughtParts } from "./thought_parts.ts";

Deno.test("thoughtParts: with both tags, with the end alone, without an end, without any", () => {
  const both = thoughtParts("<think>\na b\n</think>\n\n4");
  assertEquals(both, { thought: "a b", answer: "4", isThoughtEnded: true });
  assertEquals(thoughtParts("a b</think>4"), { thought: "a b", answer: "4", isThoughtEnded: true });
  assertEquals(thoughtParts(" <think>a"), { thought: "a", answer: "", isThoughtEnded: false });
  assertEquals(thoughtParts("4 "), { answer: "4", isThoughtEnded: true });
  assertEquals(thoughtParts("2 <think> 3"), { answer: "2 <think> 3", isThoughtEnded: true });
});
