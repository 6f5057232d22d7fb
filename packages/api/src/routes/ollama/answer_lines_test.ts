/** Tests of answer_lines.ts. */
import { assertEquals, assertRejects } from "@std/assert";
import type { ServedEvent } from "../../engine/served_model.ts";
import { type AnswerForm, answerLines, nanoseconds, wholeAnswer } from "./answer_lines.ts";

const bytes = new TextEncoder().encode("</think>");
const tag = { type: "reasoning", text: "", tokens: [{ id: 7, bytes, logprob: -0.5 }] } as const;
const word = { type: "content", text: "Hi", tokens: [] } as const;
const form: AnswerForm = {
  ...{ model: "m", hasLogprobs: false, startMs: performance.now(), loadMs: 1.5 },
  fields: ({ content, thinking }) => ({ content, thinking }),
};

async function* events(...all: readonly ServedEvent[]): AsyncGenerator<ServedEvent> {
  yield* all;
}

const end: ServedEvent = {
  type: "end",
  finishReason: "stop",
  usage: { promptTokens: 0, cachedPromptTokens: 0, completionTokens: 0, reasoningTokens: 0 },
  timings: {
    ...{ promptTokens: 0, promptTokensPerSecond: 0, timeToFirstTokenMs: 0, generatedTokens: 0 },
    ...{ tokensPerSecond: 0, draftedTokens: 0, acceptedTokens: 0 },
  },
};

Deno.test("answerLines: a token without text has a line only for its log-probability", async () => {
  const lines = await Array.fromAsync(answerLines(events(tag, word, end), form));
  assertEquals(lines.map(({ content, done }) => [content, done]), [["Hi", false], ["", true]]);
  const told = await Array.fromAsync(answerLines(events(tag, end), { ...form, hasLogprobs: true }));
  const logprobs = [{ token: "</think>", logprob: -0.5, bytes: [...bytes] }];
  assertEquals([told.length, told[0].logprobs], [2, logprobs]);
});

Deno.test("wholeAnswer: durations are whole nanoseconds, also where the clock saw nothing", async () => {
  const answer = await wholeAnswer(events(word, end), form);
  assertEquals([answer.load_duration, answer.eval_duration], [1_500_000, 0]);
  assertEquals(Number.isInteger(answer.total_duration), true);
  assertEquals(nanoseconds(0.0000014), 1);
  await assertRejects(() => wholeAnswer(events(word), form), Error, "has no end");
});
