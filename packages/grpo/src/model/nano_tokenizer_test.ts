/** Tests of the nano family's tokenizer: texts there and back, the words of a thought, and what users may type. */
import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "@aha/runtime";
import { Metadata } from "@aha/runtime/gguf";
import { createTokenizer, encodeChat, vocabularyFromMetadata } from "@aha/runtime/tokenizer";
import { AnswerStream } from "../../../runtime/src/answer/answer_stream.ts";
import {
  closingIds,
  reasoningTagsOf,
  thoughtIn,
} from "../../../runtime/src/answer/reasoning_tags.ts";
import { nanoDocuments } from "../tasks/nano/documents.ts";
import { decodeWords, encodeWords, TOKEN } from "../tasks/nano/vocabulary.ts";
import { nanoTokenizer } from "./nano_tokenizer.ts";
import { tokenizerOf, wordTokenizer } from "./word_tokenizer.ts";

const METADATA = new Metadata(new Map(nanoTokenizer().entries));
const TOKENIZER = createTokenizer(vocabularyFromMetadata(METADATA));

const ask = (content: string, more: Record<string, unknown>[] = []) =>
  decodeWords(
    encodeChat(TOKENIZER, TOKENIZER.chatTemplate!, [
      { role: "user", content },
      ...more as { role: string }[],
    ], { addGenerationPrompt: true }),
  );

Deno.test("nano tokenizer: 10,000 documents there and back, one token a word", () => {
  const documents = nanoDocuments({ seed: 11, thoughtShare: 0.5 });
  for (let i = 0; i < 10_000; i++) {
    const { ids } = documents.document(i);
    const text = TOKENIZER.decode(ids);
    assertEquals(text, decodeWords(ids));
    assertEquals(TOKENIZER.encode(text, { special: true }), ids);
  }
});

Deno.test("nano tokenizer: every word, and parts of texts", () => {
  const all = Array.from({ length: 64 }, (_, id) => id);
  assertEquals(TOKENIZER.decode(all.slice(1)), decodeWords(all.slice(1)));
  assertEquals(TOKENIZER.encode(" <think> A j </think>", { special: true }), [3, 47, 35, 4]);
  assertEquals(TOKENIZER.decode([3, 47, 35, 4]), " <think> A j </think>");
  // In plain text the steering words stay text, of which nothing is left.
  assertEquals(TOKENIZER.encode(" <think> A"), [47]);
  assertEquals([...TOKENIZER.markerTokens.keys()], [
    ...[" <think>", " </think>", " <answer>", " </answer>", " <en>", " <xx>"],
  ]);
});

Deno.test("nano tokenizer: thoughts are told apart, their end can be forced", () => {
  const tags = reasoningTagsOf(TOKENIZER)!;
  assertEquals(tags.ids, { open: TOKEN.think, close: TOKEN.thinkEnd });
  assertEquals(closingIds(TOKENIZER, tags), [TOKEN.thinkEnd]);
  assertEquals(thoughtIn(TOKENIZER, tags, [1, 7, 9, 16, 46, TOKEN.think]), "open");
  const stream = new AnswerStream({ tokenizer: TOKENIZER, tags });
  const events = encodeWords("<think> A 9 B 3 </think> <answer> 3 </answer>")
    .flatMap((id) => stream.push(id, 0)).concat(stream.end());
  const told = (type: string) =>
    events.map((event) => event.type === type ? event.text : "").join("");
  assertEquals([told("reasoning"), told("content")], ["A 9 B 3", "<answer> 3 </answer>"]);
});

Deno.test("nano tokenizer: problems as people type them", () => {
  const typed: readonly (readonly [string, string])[] = [
    ["CHAIN A 9 B 4 C 8 ?", "<s> <en> CHAIN A 9 B 4 C 8 ?"],
    ["chain A9, B4, C8", "<s> <en> CHAIN A 9 B 4 C 8 ?"],
    ["Mul ff*fg?", "<s> <xx> MUL f f * f g ?"],
    ["EVAL ((8-(1*8))-5)", "<s> <en> EVAL ( ( 8 - ( 1 * 8 ) ) - 5 ) ?"],
    ["  CD\n3 9 6:a ? ", "<s> <en> CD 3 9 6 : a ?"],
    ["<xx> rev 795", "<s> <xx> REV 7 9 5 ?"],
    ["<en> SORT c a b", "<s> <en> SORT c a b ?"],
    ["(8-(1*8))-5", "<s> <en> EVAL ( ( 8 - ( 1 * 8 ) ) - 5 ) ?"],
    ["((8-(1*8))-5)?", "<s> <en> EVAL ( ( 8 - ( 1 * 8 ) ) - 5 ) ?"],
    ["eval 2 + 2 ?", "<s> <en> EVAL ( 2 + 2 ) ?"],
    ["<xx> c*d", "<s> <xx> EVAL ( c * d ) ?"],
  ];
  for (const [text, wanted] of typed) assertEquals(ask(text), wanted, text);
});

Deno.test("nano tokenizer: the last question counts, an answer behind it is the model's", () => {
  const answer = { role: "assistant", content: "<think> A 9 </think> <answer> 9 </answer>" };
  assertEquals(
    ask("CHAIN A 9", [answer]),
    "<s> <en> CHAIN A 9 ? <think> A 9 </think> <answer> 9 </answer> </s>",
  );
  assertEquals(
    ask("CHAIN A 9", [answer, { role: "user", content: "COPY 1 2 3" }]),
    "<s> <en> COPY 1 2 3 ?",
  );
});

Deno.test("nano tokenizer: what is no problem is refused in one line that says what is", () => {
  const refused: readonly (readonly [string, string])[] = [
    ["Why is the sky blue?", '"Why" is no word of this model, which knows CHAIN, MUL,'],
    ["CHAIN A 9 B k ?", '"k" is no word'],
    ["2 2 ?", "The text names no task of this model, which knows CHAIN,"],
    ["A 2 + 2 ?", "names no task"],
    ["", "names no task"],
    ["COPY 1 <think> 2", "is no word"],
    ["COPY 1 SORT 2", '"SORT" is no word'],
    ["9 + 4 - 8", "brackets around each operation"],
    ["EVAL (9 + 4) - 8 * 2", "brackets around each operation"],
  ];
  for (const [text, message] of refused) {
    const error = assertThrows(() => ask(text), ModelError, message);
    assertEquals(error.message.includes("\n"), false);
    assertEquals(/try (CHAIN A 9 B 4 C 8|EVAL \(\(9\+4\)-8\)) \?$/.test(error.message), true);
  }
});

Deno.test("word tokenizer: another model may take it over; a role that no word has", () => {
  assertEquals(tokenizerOf(METADATA), nanoTokenizer());
  const roles = { begin: "a", end: "b", padding: "c", chatTemplate: "" };
  assertEquals(wordTokenizer(["a", "b", "c"], roles).vocabulary, 3);
  assertThrows(() => wordTokenizer(["a", "b"], roles), RangeError, '"c" is no word');
});
