/** Tests of what is learned of a row: the tokens that sampling would draw, and no others. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeChat, openTokenizer, type Tokenizer } from "@aha/runtime/tokenizer";
import type { CountedSequence } from "../policy/counted_sequence.ts";
import { trainingSequences } from "./training_rows.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";

async function tokenizerOf(name: string): Promise<Tokenizer> {
  return await openTokenizer(fixturePath(`models/${name}.gguf`));
}

function learned(tokenizer: Tokenizer, { ids, mask }: CountedSequence): string {
  return tokenizer.decode(Array.from(ids).filter((_, i) => mask[i] === 1));
}

const CHAT = [
  { role: "user", content: "Hello there" },
  { role: "assistant", content: "Hi <|im_end|> you" },
  { role: "user", content: "And?" },
  { role: "assistant", content: "Bye", reasoning_content: "They leave" },
];

Deno.test("training rows: a text learns all of itself and its end, a completion only itself", async () => {
  const tokenizer = await tokenizerOf("qwen2/gguf/model-Q8_0");
  const [text] = trainingSequences(tokenizer, { text: "one two" });
  assertEquals(learned(tokenizer, text).startsWith("one two"), true);
  assertEquals(text.ids[text.ids.length - 1], tokenizer.eosId);
  const row = { prompt: "one", completion: " two" };
  const [{ ids, mask }] = trainingSequences(tokenizer, row);
  const before = tokenizer.encode("one").length;
  assertEquals(Array.from(mask).indexOf(1), before);
  assertEquals(ids.length, before + tokenizer.encode(" two").length + 1);
});

Deno.test("training rows: of a conversation the answers with their ends, fed as sampling feeds them", async () => {
  const tokenizer = await tokenizerOf("qwen2/gguf/model-Q8_0");
  const template = tokenizer.chatTemplate as string;
  const sequences = trainingSequences(tokenizer, { messages: CHAT });
  const text = sequences.map((one) => learned(tokenizer, one)).join("");
  assert(text.includes("Hi ") && text.includes("Bye"), text);
  assert(!text.includes("Hello there") && !text.includes("And?"), text);
  const head = encodeChat(tokenizer, template, CHAT.slice(0, 1), { addGenerationPrompt: true });
  assertEquals(Array.from(sequences[0].ids).slice(0, head.length), head);
  for (const { ids, mask } of sequences) {
    assert(tokenizer.endIds.has(ids[ids.length - 1]));
    assertEquals(mask.length, ids.length);
  }
  const ends = Array.from(sequences[0].ids).filter((id) => tokenizer.endIds.has(id)).length;
  assertEquals(ends <= 5, true, "what a message writes ends no turn");
});

Deno.test("training rows: prompt and completion as messages learn the completion alone", async () => {
  const tokenizer = await tokenizerOf("qwen2/gguf/model-Q8_0");
  const row = { prompt: CHAT.slice(0, 3), completion: CHAT.slice(3) };
  const [sequence, ...others] = trainingSequences(tokenizer, row);
  assertEquals(others, []);
  const text = learned(tokenizer, sequence);
  assert(!text.includes("Hi ") && text.includes("Bye"), text);
});

Deno.test("training rows: what is wrong with a row is said", async () => {
  const tokenizer = await tokenizerOf("qwen2/gguf/model-Q8_0");
  const refused = (row: Parameters<typeof trainingSequences>[1], message: string) =>
    assertThrows(() => trainingSequences(tokenizer, row), TypeError, message);
  refused({}, "The row has nothing");
  refused({ prompt: "x" }, "The row has prompt: messages");
  refused({ messages: "x" }, "messages is no list");
  refused({ messages: [{ content: "x" }] }, "messages[0] has no role");
  refused({ messages: [CHAT[0]] }, "no message of the assistant");
  refused({ messages: [CHAT[0], { role: "assistant", content: 3 }] }, "no text");
});
