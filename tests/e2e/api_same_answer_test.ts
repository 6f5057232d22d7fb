/** The same request and seed has the same answer, alone and beside others, streamed and whole; and the server still says how it is. */
import { assert, assertEquals } from "@std/assert";
import { type ApiServer, startApiServer } from "../support/api_server.ts";
import { framesOf } from "../support/scripted_app.ts";
import { seededRandom } from "../support/seeded_random.ts";

const OTHERS = 16;
const words = (count: number, seed: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => `word${random(30)}`).join(" ");
};
const messages = [
  { role: "system", content: words(12, 3) },
  { role: "user", content: words(20, 4) },
];
const draws = { temperature: 1.1, seed: 123, top_p: 0.95 };

/** What is asked and how its answer is read: everything that the draw decides. */
interface Question {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly read: (answer: string) => unknown;
}

const QUESTIONS: Readonly<Record<string, Question>> = {
  "chat": {
    path: "/v1/chat/completions",
    body: { messages, max_tokens: 40, n: 2, logprobs: true, top_logprobs: 2, ...draws },
    read: (text) => JSON.parse(text).choices,
  },
  "streamed chat": {
    path: "/v1/chat/completions",
    body: { messages, max_tokens: 40, n: 2, stream: true, ...draws },
    read: (text) => {
      const contents = ["", ""];
      for (const frame of framesOf(text) as { choices?: StreamedChoice[] }[]) {
        for (const { index, delta } of frame.choices ?? []) contents[index] += delta.content ?? "";
      }
      return contents;
    },
  },
  "completions": {
    path: "/v1/completions",
    body: { prompt: [words(9, 5), words(40, 6)], max_tokens: 40, logprobs: 3, ...draws },
    read: (text) => JSON.parse(text).choices,
  },
  "responses": {
    path: "/v1/responses",
    body: { input: words(15, 7), max_output_tokens: 40, ...draws },
    read: (text) => JSON.parse(text).output[0].content,
  },
  "Ollama's chat": {
    path: "/api/chat",
    body: { model: "tiny", messages, options: { num_predict: 40, ...draws } },
    read: (text) =>
      text.trim().split("\n").map((line) => JSON.parse(line).message.content).join(""),
  },
  "Ollama's generate": {
    path: "/api/generate",
    body: { model: "tiny", prompt: "hi", stream: false, options: { num_predict: 40, ...draws } },
    read: (text) => [JSON.parse(text).response, JSON.parse(text).context],
  },
  "llama-server's completion": {
    path: "/completion",
    body: { prompt: words(33, 8), n_predict: 40, n_probs: 2, ...draws },
    read: (text) => [JSON.parse(text).content, JSON.parse(text).completion_probabilities],
  },
  "embeddings": {
    path: "/v1/embeddings",
    body: { input: [words(7, 9), words(21, 10)] },
    read: (text) => JSON.parse(text).data,
  },
};

interface StreamedChoice {
  readonly index: number;
  readonly delta: { readonly content?: string };
}

async function ask(server: ApiServer, { path, body, read }: Question): Promise<unknown> {
  const response = await server.post(path, body);
  const text = await response.text();
  assertEquals(response.status, 200, `${path}: ${text}`);
  return read(text);
}

/** Requests of all kinds, one after the other, until the work is done. */
async function beside<T>(server: ApiServer, work: () => Promise<T>): Promise<T> {
  let isOver = false;
  const other = async (_: unknown, number: number) => {
    const random = seededRandom(number);
    while (!isOver) {
      const body = {
        messages: [{ role: "user", content: words(1 + random(60), random(1_000)) }],
        ...{ max_tokens: 1 + random(60), seed: random(1_000), temperature: 1, stream: true },
      };
      const leaving = new AbortController();
      const { signal } = leaving;
      const response = await server.post("/v1/chat/completions", body, { signal });
      assertEquals(response.status, 200);
      const reader = response.body?.getReader();
      const frames = random(4) === 0 ? 1 + random(20) : Infinity;
      for (let i = 0; i < frames && !(await reader?.read())?.done; i++);
      leaving.abort();
    }
  };
  const others = Promise.all(Array.from({ length: OTHERS }, other));
  const done = await work();
  isOver = true;
  await others;
  return done;
}

Deno.test("api: the same request and seed has the same answer, alone and beside 16 others", async () => {
  await using server = await startApiServer({ engine: { slots: 8 } });
  const alone = new Map<string, unknown>();
  for (const [name, question] of Object.entries(QUESTIONS)) {
    alone.set(name, await ask(server, question));
    assertEquals(await ask(server, question), alone.get(name), `${name}, with its prompt kept`);
  }
  await beside(server, async () => {
    for (let round = 0; round < 3; round++) {
      for (const [name, question] of Object.entries(QUESTIONS)) {
        assertEquals(await ask(server, question), alone.get(name), `${name}, beside others`);
      }
    }
    const again = Object.values(QUESTIONS).map((question) => ask(server, question));
    assertEquals(await Promise.all(again), [...alone.values()]);
  });
  const [whole, streamed] = [alone.get("chat"), alone.get("streamed chat")];
  const contents = (whole as { message: { content: string } }[]).map(({ message }) =>
    message.content
  );
  assertEquals(contents, streamed as string[]);
  assert(contents[0] !== contents[1] && contents[0].length > 10);
  assertEquals(server.faults, []);
});

Deno.test("api: another server gives the same answer, with its model in this thread too", async () => {
  const answers: unknown[] = [];
  for (const thread of ["worker", "same"] as const) {
    await using server = await startApiServer({
      engine: { thread, slots: thread === "same" ? 2 : 8 },
    });
    answers.push(
      await Promise.all(Object.values(QUESTIONS).map((question) => ask(server, question))),
    );
  }
  assertEquals(answers[0], answers[1]);
});

Deno.test("api: /health, /metrics and /slots answer while all places are taken and others wait", async () => {
  await using server = await startApiServer({ engine: { slots: 4 } });
  await beside(server, async () => {
    for (let i = 0; i < 30; i++) {
      const health = await fetch(`${server.url}/health`);
      assertEquals([health.status, await health.json()], [200, { status: "ok" }]);
    }
    let mostWaiting = 0;
    for (let i = 0; i < 30; i++) {
      const slots = await (await fetch(`${server.url}/slots`)).json();
      assertEquals(slots.length, 4);
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const [, waiting] = /^llamacpp:requests_deferred (\d+)$/m.exec(text) ?? [];
      mostWaiting = Math.max(mostWaiting, Number(waiting));
    }
    assert(mostWaiting > 0, "Nobody ever waited");
  });
});
