/** Tests of answer_stream.ts with the tokens of a small real vocabulary: cuts inside characters, tags and stop strings. */
import { assertEquals } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { tokenizerOfFile } from "../../../../tests/support/token_tables.ts";
import type { TextEvent } from "../events.ts";
import { createTokenizer, stringList, type Tokenizer } from "../tokenizer/mod.ts";
import { type AnswerForm, AnswerStream } from "./answer_stream.ts";

const TAGS = { open: "<think>", close: "</think>" };

function read(form: AnswerForm, ids: readonly number[]) {
  const stream = new AnswerStream(form);
  const events: TextEvent[] = [];
  for (const id of ids) {
    if (stream.stopped) break;
    events.push(...stream.push(id, -id));
  }
  const seen = events.flatMap((event) => event.ids);
  assertEquals(seen, ids.slice(0, seen.length), "each id comes once, in order");
  assertEquals(events.flatMap((event) => event.logprobs), seen.map((id) => -id));
  const texts = { reasoning: "", content: "" };
  for (const { type, text } of [...events, ...stream.end()]) texts[type] += text;
  return { ...texts, stopped: stream.stopped };
}

/** The text's ids, cut at random places, also between the bytes of a character. */
function randomCuts(
  tokenizer: Tokenizer,
  text: string,
  random: (limit: number) => number,
): number[] {
  const ids: number[] = [];
  for (let at = 0; at < text.length;) {
    let end = at + 1 + random(6);
    if (end < text.length && /[\udc00-\udfff]/.test(text[end])) end++;
    ids.push(...tokenizer.encode(text.slice(at, end)));
    at = end;
  }
  return ids;
}

Deno.test("AnswerStream: however tokens cut the text, thought and content are the same", async () => {
  const tokenizer = await tokenizerOfFile(fixturePath("models/qwen2/gguf/model-Q8_0.gguf"));
  const words = [
    "<think>",
    "</think>",
    "<",
    "</th",
    " ",
    "\n",
    "ab",
    "é",
    "😀漢",
    "END",
    "EN",
    "D",
  ];
  const random = seededRandom(6);
  for (let round = 0; round < 400; round++) {
    const text = (random(2) ? "<think>" : "") +
      Array.from({ length: random(16) }, () => words[random(words.length)]).join("");
    const form = { tokenizer, tags: TAGS, inThought: random(3) === 0, stop: ["END", "\n\n"] };
    const whole = read(form, tokenizer.encode(text));
    assertEquals(read(form, randomCuts(tokenizer, text, random)), whole, JSON.stringify(text));
  }
});

Deno.test("AnswerStream: tags that are tokens count as tokens only", () => {
  const tokens = ["a", "b", "<", ">", "/", "t", "<t>", "</t>", "Ċ"];
  const tokenizer = createTokenizer({
    model: "gpt2",
    pre: "qwen2",
    tokens: stringList(tokens),
    merges: stringList([]),
    types: new Int32Array([1, 1, 1, 1, 1, 1, 4, 4, 1]),
  });
  const tags = { open: "<t>", close: "</t>", ids: { open: 6, close: 7 } };
  const ids = [6, 8, 0, 2, 4, 5, 3, 8, 7, 8, 8, 1, 7, 6];
  assertEquals(read({ tokenizer, tags }, ids), {
    reasoning: "a</t>",
    content: "b</t><t>",
    stopped: false,
  });
});

Deno.test("AnswerStream: an id that stands for no text, and a character that never ends", async () => {
  const tokenizer = await tokenizerOfFile(fixturePath("models/qwen2/gguf/model-Q8_0.gguf"));
  const [first] = tokenizer.encode("漢");
  const { content } = read({ tokenizer }, [...tokenizer.encode("a"), 99_999, first]);
  assertEquals(content, "a\ufffd");
});

Deno.test("AnswerStream: alternatives come with their token, and events without ids have none", () => {
  const tokenizer = createTokenizer({
    model: "gpt2",
    pre: "qwen2",
    tokens: stringList(["a", "<", "b"]),
    merges: stringList([]),
    types: new Int32Array([1, 1, 1]),
  });
  const stream = new AnswerStream({ tokenizer, tags: TAGS, stop: ["<b"] });
  const top = [{ id: 2, logprob: -1 }];
  assertEquals(stream.push(0, -3, top), [
    { type: "content", text: "a", ids: [0], logprobs: [-3], alternatives: [top] },
  ]);
  assertEquals(stream.push(1, -4, top), [
    { type: "content", text: "", ids: [1], logprobs: [-4], alternatives: [top] },
  ]);
  assertEquals(stream.end(), [
    { type: "content", text: "<", ids: [], logprobs: [], alternatives: [] },
  ]);
  assertEquals("alternatives" in new AnswerStream({ tokenizer }).push(0, -3)[0], false);
});

Deno.test("AnswerStream: where content begins after the tag, the rest of the tag's own token is left out", async () => {
  const tokenizer = await tokenizerOfFile(fixturePath("models/qwen2/gguf/model-Q8_0.gguf"));
  const ids = ["a</thin", "k> xEND", " y", "END z"].map((text) => {
    const [id] = tokenizer.encode(text);
    return { text, id };
  });
  const texts = new Map(ids.map(({ id, text }) => [id, text]));
  const spoken: Tokenizer = {
    ...{ vocabularySize: tokenizer.vocabularySize, endIds: new Set(), addBos: false },
    ...{ bosId: undefined, eosId: undefined, chatTemplate: undefined },
    ...{ controlTokens: new Map(), markerTokens: new Map(), encode: () => [], decode: () => "" },
    tokenText: (id) => texts.get(id) ?? "",
    bytesOf: (id) => new TextEncoder().encode(texts.get(id)),
  };
  const drawn = ids.map(({ id }) => id);
  const form = { tokenizer: spoken, tags: TAGS, inThought: true };
  assertEquals(read(form, drawn), { reasoning: "a", content: "xEND yEND z", stopped: false });
  const after = { ...form, beginsAfterTag: true };
  assertEquals(read(after, drawn), { reasoning: "a", content: " yEND z", stopped: false });
  const stopped = { ...after, stop: ["END"] };
  assertEquals(read(stopped, drawn), { reasoning: "a", content: " y", stopped: true });
});
