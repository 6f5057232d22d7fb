/** Tests of reasoning_splitter.ts: what belongs where, whatever the cuts. */
import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { type AnswerPiece, ReasoningSplitter } from "./reasoning_splitter.ts";

const TAGS = { open: "<think>", close: "</think>" };
const BRACKETS = { open: "[THINK]", close: "[/THINK]" };

function joined(pieces: readonly AnswerPiece[]): { reasoning: string; content: string } {
  const texts = { reasoning: "", content: "" };
  for (const { type, text } of pieces) texts[type] += text;
  return texts;
}

function split(
  parts: readonly string[],
  inThought = false,
  tags = TAGS,
): ReturnType<typeof joined> {
  const splitter = new ReasoningSplitter(tags, inThought);
  return joined([...parts.flatMap((part) => splitter.push(part)), ...splitter.end()]);
}

Deno.test("ReasoningSplitter: thought and content, without tags and the space around them", () => {
  const cases: [text: string, inThought: boolean, reasoning: string, content: string][] = [
    ["<think>\nHm.\n\nSo.\n</think>\n\nHi!\n", false, "Hm.\n\nSo.", "Hi!\n"],
    ["\n <think>a</think>b", false, "a", "b"],
    ["Okay\n</think>\n\nHi", true, "Okay", "Hi"],
    ["<think>\n\n</think>\n\nHi", false, "", "Hi"],
    ["<think>never ends  ", false, "never ends", ""],
    ["a < b </thin> c</think>d", true, "a < b </thin> c", "d"],
    ["  plain <think>x</think>", false, "", "  plain <think>x</think>"],
    ["<thin air", false, "", "<thin air"],
    ["<think>a</think>b</think>c<think>d", false, "a", "b</think>c<think>d"],
    ["  ", false, "", "  "],
    ["", true, "", ""],
  ];
  for (const [text, inThought, reasoning, content] of cases) {
    assertEquals(split([text], inThought), { reasoning, content }, text);
    assertEquals(split([...text], inThought), { reasoning, content }, text);
  }
});

for (const tags of [TAGS, BRACKETS]) {
  Deno.test(`ReasoningSplitter: any cuts at ${tags.open} give the thought and the content of the whole text`, () => {
    const words = [
      tags.open,
      tags.close,
      tags.open.slice(0, 1),
      tags.close.slice(0, 2),
      tags.open.slice(1, -1),
      tags.open.slice(-1),
      " ",
      "\n",
      "a",
      "é😀",
      tags.close.slice(0, -1),
      tags.open.slice(0, -1),
    ];
    const random = seededRandom(4);
    for (let round = 0; round < 3000; round++) {
      const text = (random(2) ? tags.open : "") +
        Array.from({ length: random(20) }, () => words[random(words.length)]).join("");
      const parts: string[] = [];
      for (let at = 0; at < text.length;) {
        const end = at + 1 + random(9);
        parts.push(text.slice(at, end));
        at = end;
      }
      const inThought = random(2) === 1;
      assertEquals(
        split(parts, inThought, tags),
        split([text], inThought, tags),
        JSON.stringify(parts),
      );
    }
  });
}

Deno.test("ReasoningSplitter: nothing is held back but spaces and what may be a tag", () => {
  const splitter = new ReasoningSplitter(TAGS, true);
  assertEquals(splitter.push("\nSo be it"), [{ type: "reasoning", text: "So be it" }]);
  assertEquals(splitter.push(" \n</thi"), []);
  assertEquals(splitter.push("s"), [{ type: "reasoning", text: " \n</this" }]);
  assertEquals(splitter.isThinking, true);
  assertEquals(splitter.push("</think>\n"), []);
  assertEquals(splitter.isThinking, false);
  assertEquals(splitter.push("\nHi"), [{ type: "content", text: "Hi" }]);
});

Deno.test("ReasoningSplitter: where tags are tokens, their text means nothing", () => {
  const splitter = new ReasoningSplitter({ ...TAGS, ids: { open: 1, close: 2 } }, false);
  const pieces = splitter.push("\n");
  assertEquals(splitter.tag("open", pieces), true);
  pieces.push(...splitter.push("\na </think> b "));
  assertEquals(splitter.tag("open", pieces), false);
  assertEquals(splitter.tag("close", pieces), true);
  assertEquals(splitter.tag("close", pieces), false);
  pieces.push(...splitter.push("\n\nc"), ...splitter.end());
  assertEquals(joined(pieces), { reasoning: "a </think> b", content: "c" });
});

Deno.test("ReasoningSplitter: a model without tags says all as content", () => {
  const splitter = new ReasoningSplitter(undefined, false);
  assertEquals(joined(splitter.push(" <think>a</think>")).content, " <think>a</think>");
});
