/** Tests of the worker's side in this thread: batches of a step, readers that take their time, cancelling. */
import { assert, assertEquals } from "@std/assert";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import type { ServedEvent } from "../served_model.ts";
import { serveModel } from "./model_worker.ts";
import { type FromWorker, tokensOf, type ToWorker, WINDOW } from "./worker_protocol.ts";

const SOURCE = fixturePath("models/llama_untied/gguf/model-F32.gguf");

/** A worker at the other end of two lists. */
async function startWorker() {
  const received: FromWorker[] = [];
  let onMessage: (message: ToWorker) => void = () => {};
  let wake = () => {};
  serveModel({
    postMessage: (message) => {
      received.push(structuredClone(message));
      wake();
    },
    on: (_, listener) => onMessage = listener,
  });
  const send = (message: ToWorker) => onMessage(structuredClone(message));
  const until = async (isThere: (message: FromWorker) => boolean): Promise<FromWorker> => {
    for (;;) {
      const found = received.find(isThere);
      if (found) return found;
      await new Promise<void>((resolve) => wake = resolve);
    }
  };
  const ended = (id: number) => (message: FromWorker) =>
    (message.kind === "result" || message.kind === "failure") && message.id === id;
  const model = { name: "tiny", source: SOURCE, options: { threads: 1 } };
  send({ kind: "call", id: 1, method: "load", args: [model] });
  await until(({ kind }) => kind === "plan");
  send({ kind: "reserved" });
  const facts = await until(ended(1));
  assert(facts.kind === "result", JSON.stringify(facts));
  const close = async () => {
    send({ kind: "call", id: 999, method: "close", args: [] });
    await until(ended(999));
  };
  const eventsOf = (id: number): ServedEvent[] =>
    received.flatMap((message) => message.kind === "events" ? message.answers : [])
      .filter((answer) => answer.id === id).flatMap(({ events }) => events);
  const tokensFor = (id: number) => eventsOf(id).reduce((sum, event) => sum + tokensOf(event), 0);
  return { received, send, until, ended, eventsOf, tokensFor, close };
}

const answer = (id: number, maxTokens: number, text = "The answer"): ToWorker => ({
  ...{ kind: "call", id, method: "generate" },
  args: [{ prompt: { kind: "text", text }, options: { maxTokens, seed: 1, ignoreEnd: true } }],
});

/** Long enough for many steps of this model. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 100));

/** What a count has come to when it has not grown for a while. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1;;) {
    await pause();
    if (count() === last && last > 0) return last;
    last = count();
  }
}

Deno.test("model worker: an answer goes on only while its reader takes tokens, and holds up no other", async () => {
  const { send, until, ended, eventsOf, tokensFor, close } = await startWorker();
  send(answer(2, 80));
  const first = await settled(() => tokensFor(2));
  assert(first >= WINDOW && first < WINDOW + 4, `${first} tokens`); // a character may be of several
  send(answer(3, WINDOW - 1));
  await until(ended(3));
  assertEquals([tokensFor(2), tokensFor(3)], [first, WINDOW - 1]);
  send({ kind: "taken", id: 2, tokens: 10 });
  const second = await settled(() => tokensFor(2));
  assert(second >= WINDOW + 10 && second < WINDOW + 14, `${second} tokens`);
  send({ kind: "taken", id: 2, tokens: 1000 });
  await until(ended(2));
  assertEquals(eventsOf(2).at(-1)?.type, "end");
  await close();
});

Deno.test("model worker: a cancelled answer ends with an abort, waiting for its reader or not, and frees its pages", async () => {
  const { send, until, ended, close } = await startWorker();
  send(answer(2, 400));
  await pause();
  send(answer(3, 400));
  send({ kind: "taken", id: 3, tokens: 1000 });
  await until((message) => message.kind === "events" && message.answers.some(({ id }) => id === 3));
  for (const id of [2, 3]) send({ kind: "cancel", id });
  for (const id of [2, 3]) {
    const end = await until(ended(id));
    assert(end.kind === "failure" && end.error.name === "AbortError", JSON.stringify(end));
  }
  send({ kind: "call", id: 4, method: "occupancy", args: [] });
  const load = await until(ended(4));
  assert(load.kind === "result");
  const { running, usedPages } = load.value as { running: number; usedPages: number };
  assertEquals([running, usedPages], [0, 0]);
  await close();
});

Deno.test("model worker: what a step brings for several answers is one message", async () => {
  const { received, send, until, ended, close } = await startWorker();
  const ids = [2, 3, 4, 5];
  for (const id of ids) {
    send(answer(id, 8, `${id}`));
    send({ kind: "taken", id, tokens: 1000 });
  }
  for (const id of ids) await until(ended(id));
  const batches = received.flatMap((message) => message.kind === "events" ? [message.answers] : []);
  const together = batches.filter((answers) => answers.length === ids.length);
  assert(together.length * 2 > batches.length, JSON.stringify(batches.map(({ length }) => length)));
  await close();
});

Deno.test("model worker: a plan that is refused ends the load", async () => {
  const received: FromWorker[] = [];
  let onMessage: (message: ToWorker) => void = () => {};
  const { promise: failed, resolve } = Promise.withResolvers<void>();
  serveModel({
    postMessage: (message) => {
      received.push(message);
      if (message.kind === "plan") {
        const error = { name: "EngineMemoryError", message: "no room", data: {} };
        onMessage({ kind: "reserved", error });
      }
      if (message.kind === "failure") resolve();
    },
    on: (_, listener) => onMessage = listener,
  });
  const model = { name: "tiny", source: SOURCE, options: { threads: 1 } };
  onMessage({ kind: "call", id: 1, method: "load", args: [model] });
  await failed;
  const failure = received.at(-1);
  assert(failure?.kind === "failure");
  assertEquals([failure.error.name, failure.error.message], ["EngineMemoryError", "no room"]);
});
