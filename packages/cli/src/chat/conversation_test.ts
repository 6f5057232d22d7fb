/** Tests of conversation.ts with a small model of random weights: retries, failures that lose nothing, making room. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type GenerationEvent, loadModel } from "@aha/runtime";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import type { OptionValues } from "../command.ts";
import { Conversation, type ConversationOptions } from "./conversation.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const SETTINGS = { "max-tokens": "6", temperature: "1.5" };
const going = new AbortController().signal;

async function withConversation(
  run: (conversation: Conversation) => Promise<void>,
  options: ConversationOptions & { contextTokens?: number; settings?: OptionValues } = {},
): Promise<void> {
  await using model = await loadModel(MODEL, { contextTokens: options.contextTokens, threads: 1 });
  await run(new Conversation(model, { ...SETTINGS, ...options.settings }, options));
}

async function read(events: AsyncIterable<GenerationEvent>): Promise<number[]> {
  const ids: number[] = [];
  for await (const event of events) if (event.type !== "end") ids.push(...event.ids);
  return ids;
}

const contents = ({ messages }: Conversation) => messages.map(({ content }) => content);

Deno.test("Conversation.retry: another answer takes the place of the last one, under the same seed too", async () => {
  const settings = { seed: "5" };
  await withConversation(async (conversation) => {
    await assertRejects(() => read(conversation.retry(going)), Error, "there is no message");
    const first = await read(conversation.ask("Hi", going));
    const before = contents(conversation);
    const second = await read(conversation.retry(going));
    assertNotEquals(second, first);
    assertEquals(contents(conversation).slice(0, 2), before.slice(0, 2));
    assertNotEquals(contents(conversation)[2], before[2]);
    assertNotEquals(await read(conversation.retry(going)), second);
    conversation.begin(conversation.messages.slice(0, 1));
    assertEquals(await read(conversation.ask("Hi", going)), first);
    assertEquals([conversation.lastSeed, conversation.system], [5, "Answer."]);
  }, { settings, system: "Answer." });
});

Deno.test("Conversation: without a seed one is drawn for each answer and told", async () => {
  await withConversation(async (conversation) => {
    const first = await read(conversation.ask("Hi", going));
    const seed = conversation.lastSeed;
    conversation.begin([]);
    await read(conversation.ask("Hi", going));
    assertNotEquals(conversation.lastSeed, seed);
    conversation.begin([]);
    conversation.settings = { ...conversation.settings, seed: `${seed}` };
    assertEquals(await read(conversation.ask("Hi", going)), first);
  });
});

Deno.test("Conversation: a retry or a message that fails before a token changes nothing, and can be sent again", async () => {
  await withConversation(async (conversation) => {
    await read(conversation.ask("Hi", going));
    const before = contents(conversation);
    const aborted = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => read(conversation.retry(aborted)), Error, "enough");
    assertEquals(contents(conversation), before);
    await assertRejects(() => read(conversation.ask("Why?", aborted)), Error, "enough");
    assertEquals(contents(conversation), before);
    await read(conversation.retry(going));
    assertEquals(contents(conversation).slice(0, 3), [...before, "Why?"]);
    conversation.begin([]);
    await assertRejects(() => read(conversation.retry(going)), Error, "there is no message");
  });
});

Deno.test("Conversation: what was said before an abort stays", async () => {
  await withConversation(async (conversation) => {
    const abort = new AbortController();
    await assertRejects(
      async () => {
        for await (const _event of conversation.ask("Hi", abort.signal)) {
          abort.abort(new Error("no"));
        }
      },
      Error,
      "no",
    );
    assertEquals(conversation.messages.map(({ role }) => role), ["user", "assistant"]);
    assertEquals(conversation.lastEnd, undefined);
    await read(conversation.ask("Go on", going));
    assertEquals(conversation.messages.length, 4);
    assert(conversation.contextUsed() > 20);
    assertEquals(conversation.lastEnd?.finishReason, "length");
  }, { settings: { seed: "5" } });
});

Deno.test("Conversation: a full context refuses, or forgets the oldest messages", async () => {
  const long = "many words ".repeat(4);
  for (const slides of [false, true]) {
    await withConversation(async (conversation) => {
      let answers = 0;
      const talk = async () => {
        for (; answers < 12; answers++) await read(conversation.ask(`${answers} ${long}`, going));
      };
      if (!slides) {
        await assertRejects(talk, RangeError, "does not fit the context");
        assertEquals(conversation.messages.length, 1 + 2 * answers);
        assert(answers > 0);
      } else {
        await talk();
        assertEquals(contents(conversation)[0], "Answer.");
        assertEquals(contents(conversation).at(-2), `11 ${long}`);
        assert(conversation.messages.length < 1 + 2 * answers);
        const before = contents(conversation);
        const tooLong = () => read(conversation.ask(long.repeat(9), going));
        await assertRejects(tooLong, RangeError, "does not fit the context");
        assertEquals(contents(conversation), before);
        const aborted = AbortSignal.abort(new Error("enough"));
        const ask = () => read(conversation.ask(long.repeat(2), aborted));
        await assertRejects(ask, Error, "enough");
        assertEquals(contents(conversation), before);
      }
    }, { slides, system: "Answer.", contextTokens: 200 });
  }
});
