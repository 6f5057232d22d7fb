/** Tests of conversations: what is remembered after answers, aborts and errors, and that answers keep their tokens. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../tests/support/fixture.ts";
import { tokenizerOfFile } from "../../../tests/support/token_tables.ts";
import { ChatSession } from "./chat_session.ts";
import type { GenerateOptions, GenerationEvent } from "./events.ts";
import { type ChatMessage, encodeChat } from "./tokenizer/mod.ts";

const tokenizer = await tokenizerOfFile(fixturePath("models/qwen2/gguf/model-Q8_0.gguf"));
const NOTHING = { logprobs: [], ids: [] };
const END: GenerationEvent = {
  type: "end",
  finishReason: "stop",
  usage: { promptTokens: 1, cachedPromptTokens: 0, completionTokens: 1, reasoningTokens: 0 },
  timings: {
    ...{ promptTokens: 1, promptTokensPerSecond: 1, timeToFirstTokenMs: 1 },
    ...{ generatedTokens: 1, tokensPerSecond: 1, draftedTokens: 0, acceptedTokens: 0 },
  },
};

/** Answers with given events; remembers what it was asked. */
function model(events: readonly (GenerationEvent | Error)[]) {
  const asked: { messages: readonly ChatMessage[]; options: GenerateOptions }[] = [];
  async function* chat(messages: readonly ChatMessage[], options: GenerateOptions) {
    asked.push({ messages, options });
    for (const event of events) {
      await Promise.resolve();
      if (event instanceof Error) throw event;
      yield event;
    }
  }
  return { tokenizer, chat, asked };
}

function content(text: string, ids: readonly number[] = tokenizer.encode(text)): GenerationEvent {
  return { type: "content", text, ids, logprobs: ids.map(() => -1) };
}

async function read(events: AsyncIterable<GenerationEvent>): Promise<string> {
  let text = "";
  for await (const event of events) if (event.type === "content") text += event.text;
  return text;
}

const plain = (messages: readonly ChatMessage[]) =>
  messages.map(({ role, content }) => `${role}: ${content}`);

Deno.test("ChatSession.send: answers are remembered, options are merged", async () => {
  const fake = model([content("Hel"), content("lo"), END]);
  const session = new ChatSession(fake, { system: "Be brief.", maxTokens: 5, seed: 1 });
  assertEquals(await read(session.send("Hi", { seed: 2 })), "Hello");
  await read(session.send({ role: "user", content: "Again" }));
  assertEquals(plain(session.messages), [
    "system: Be brief.",
    "user: Hi",
    "assistant: Hello",
    "user: Again",
    "assistant: Hello",
  ]);
  assertEquals(fake.asked[0].options, { maxTokens: 5, seed: 2 });
  assertEquals(fake.asked[1].messages.length, 4);
  session.reset();
  assertEquals(plain(session.messages), ["system: Be brief."]);
  session.reset("Be long.");
  assertEquals(plain(session.messages), ["system: Be long."]);
});

Deno.test("ChatSession.send: an answer cut short stays as far as it came, one that never began does not", async () => {
  const cut = new ChatSession(model([content("Hel"), new Error("aborted")]), {});
  await assertRejects(() => read(cut.send("Hi")), Error, "aborted");
  assertEquals(plain(cut.messages), ["user: Hi", "assistant: Hel"]);
  const never = new ChatSession(model([new Error("does not fit")]), {});
  await assertRejects(() => read(never.send("Hi")), Error, "does not fit");
  assertEquals(never.messages, []);
  const left = new ChatSession(model([content("Hel"), content("lo"), END]), {});
  for await (const _event of left.send("Hi")) break;
  assertEquals(plain(left.messages), ["user: Hi", "assistant: Hel"]);
});

Deno.test("ChatSession.send: two answers at once are refused", async () => {
  const session = new ChatSession(model([content("a"), END]), {});
  const first = session.send("one");
  await first.next();
  await assertRejects(() => read(session.send("two")), TypeError, "another answer");
  await read(first);
  assertEquals(plain(session.messages), ["user: one", "assistant: a"]);
});

Deno.test("ChatSession: tokens of an answer are fed as they were drawn, other than the text's own", async () => {
  const text = "the answer";
  const odd = [...text].flatMap((letter) => tokenizer.encode(letter));
  assert(odd.length > tokenizer.encode(text).length);
  const template = "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}.{% endfor %}";
  const drawn: GenerationEvent[] = [
    { ...NOTHING, type: "reasoning", text: "hm" },
    { ...NOTHING, type: "content", text: "", ids: tokenizer.encode("\n\n") },
    content(text, odd),
  ];
  const session = new ChatSession(model([...drawn, END]), {});
  await read(session.send("Hi"));
  assertEquals(session.messages[1].reasoning_content, "hm");
  const expected = [
    ...tokenizer.encode("[user]Hi.[assistant]"),
    ...odd,
    ...tokenizer.encode("."),
  ];
  assertEquals(encodeChat(tokenizer, template, session.messages), expected);
  const copied = JSON.parse(JSON.stringify(session.messages));
  const retold = encodeChat(tokenizer, template, copied);
  assertEquals(retold, tokenizer.encode("[user]Hi.[assistant]the answer."));
});

Deno.test("ChatSession: where the tokens say more than the text, the text counts", async () => {
  const ids = tokenizer.encode("Hello STOP");
  const session = new ChatSession(
    model([{ ...NOTHING, type: "content", text: "Hello", ids }, END]),
    {},
  );
  await read(session.send("Hi"));
  const template = "{% for m in messages %}{{ m.content }}|{% endfor %}";
  assertEquals(encodeChat(tokenizer, template, session.messages), tokenizer.encode("Hi|Hello|"));
});

Deno.test("ChatSession: tokens of a character in parts, and of what might have become a stop string, stay", async () => {
  const template = "{% for m in messages %}{{ m.content }}|{% endfor %}";
  const face = tokenizer.encode("😀");
  assert(face.length > 1);
  const inParts = face.map((id, i) => content(i < face.length - 1 ? "" : "😀", [id]));
  const held = [content("", tokenizer.encode("E")), content("Enough", tokenizer.encode("nough"))];
  for (const events of [inParts, held]) {
    const session = new ChatSession(model([...events, END]), {});
    const text = await read(session.send("Hi"));
    const ids = events.flatMap((event) => event.type === "end" ? [] : [...event.ids]);
    const expected = [...tokenizer.encode("Hi|"), ...ids, ...tokenizer.encode("|")];
    assertEquals(encodeChat(tokenizer, template, session.messages), expected, text);
  }
});

Deno.test("ChatSession.reset: also forgets the answer that is coming", async () => {
  const session = new ChatSession(model([content("Hel"), content("lo"), END]), { system: "S" });
  const events = session.send("Hi");
  await events.next();
  session.reset();
  const next = session.send("Again");
  await next.next();
  await read(events);
  assertEquals(plain(session.messages), ["system: S"]);
  await read(next);
  assertEquals(plain(session.messages), ["system: S", "user: Again", "assistant: Hello"]);
});

Deno.test("ChatSession.send: a reader that stops at the end event leaves the session free", async () => {
  const session = new ChatSession(model([content("Hello"), END]), {});
  const events = session.send("Hi");
  while ((await events.next()).value?.type !== "end");
  assertEquals(await read(session.send("Again")), "Hello");
  assertEquals(session.messages.length, 4);
});
