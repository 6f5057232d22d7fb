/** Tests of outbox.ts: what goes together, and that nothing waits long. */
import { assert, assertEquals } from "@std/assert";
import type { ServedEvent } from "../served_model.ts";
import { type AnswerEvents, Outbox } from "./outbox.ts";

const text = (text: string, type: "content" | "reasoning" = "content"): ServedEvent => ({
  ...{ type, text },
  tokens: [{ id: text.charCodeAt(0), bytes: new TextEncoder().encode(text), logprob: -1 }],
});
const end: ServedEvent = {
  ...{ type: "end", finishReason: "stop" },
  usage: { promptTokens: 1, cachedPromptTokens: 0, completionTokens: 2, reasoningTokens: 0 },
} as ServedEvent;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What each message has of each answer: type and text. */
function outbox() {
  const messages: (readonly (readonly [number, ...string[]])[])[] = [];
  const told = (event: ServedEvent) => event.type === "end" ? "end" : `${event.type} ${event.text}`;
  const box = new Outbox((answers: readonly AnswerEvents[]) =>
    messages.push(answers.map(({ id, events }) => [id, ...events.map(told)] as const))
  );
  return { box, messages };
}

Deno.test("Outbox: what a turn brings is one message, in the order of each answer", async () => {
  const { box, messages } = outbox();
  box.push(1, text("a"));
  box.push(2, text("b"));
  await undefined;
  assertEquals(messages, [[[1, "content a"], [2, "content b"]]]);
  await wait(5);
  box.push(2, text("c"));
  await undefined;
  assertEquals(messages[1], [[2, "content c"]]);
});

Deno.test("Outbox: pieces of one type are joined with their tokens, others are not", () => {
  const sent: (readonly AnswerEvents[])[] = [];
  const box = new Outbox((answers) => sent.push(answers));
  const pieces = [text("t", "reasoning"), text("u", "reasoning"), text("a"), text("b"), text("c")];
  for (const event of [...pieces, end]) box.push(1, event);
  box.flush();
  const [{ events }] = sent[0];
  assertEquals(events.map(({ type }) => type), ["reasoning", "content", "end"]);
  const tokensOf = (event: ServedEvent) => event.type === "end" ? [] : event.tokens;
  assertEquals(events.map((event) => tokensOf(event).length), [2, 3, 0]);
  assertEquals(tokensOf(events[1]).map(({ id }) => String.fromCharCode(id)), ["a", "b", "c"]);
  assertEquals(tokensOf(events[1]).map(({ at }) => at), [undefined, 1, 2]);
  box.flush();
  assertEquals(sent.length, 1);
});

Deno.test("Outbox: what comes right after a message of a slow model goes with the host's next turn", async () => {
  const { box, messages } = outbox();
  box.push(1, text("a"));
  await undefined;
  box.push(1, text("b")); // as drafts do that were right
  box.push(1, text("c"));
  assertEquals(messages.length, 1);
  await turn();
  assertEquals(messages.slice(1), [[[1, "content bc"]]]);
});

Deno.test("Outbox: a fast model's messages keep a pace, its last one comes too", async () => {
  const { box, messages } = outbox();
  const started = performance.now();
  let pushed = 0;
  for (; performance.now() - started < 60; pushed++) {
    box.push(1, text("a"));
    await turn();
  }
  const most = (performance.now() - started) / 2 + 3;
  assert(messages.length <= most, `${messages.length} messages, ${pushed} events`);
  assert(messages.length >= 5 && pushed > 2 * messages.length, `${messages.length} of ${pushed}`);
  await wait(20);
  const letters = messages.flat().map(([, piece]) => piece.length - "content ".length);
  assertEquals(letters.reduce((a, b) => a + b), pushed);
});
