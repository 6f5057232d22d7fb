/** Tests of real models in this thread and in workers: same answers, errors, aborts, a thread that dies, the end. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ContextFullError, SourceError, ThreadError } from "@aha/runtime";
import { denoProcess } from "../../../../tests/support/aha_process.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { hostClock } from "./clock.ts";
import { assembleEngine, createEngine } from "./create_engine.ts";
import type { Engine } from "./engine.ts";
import type { EngineConfig } from "./engine_config.ts";
import { EngineClosingError } from "./engine_errors.ts";
import { modelLoader } from "./open_model.ts";
import type { GenerationRequest, ServedEvent, ServedModel } from "./served_model.ts";
import { UnsupportedSchemaError } from "../structured/unsupported_schema_error.ts";
import { startWorkerThread, type WorkerThread } from "./worker/worker_thread.ts";

const TINY = {
  name: "tiny",
  source: fixturePath("models/llama_untied/gguf/model-F32.gguf"),
  loadOptions: { threads: 1 },
};
const OTHER = { name: "other", source: fixturePath("models/qwen2/gguf/model-Q8_0.gguf") };
const THREADS = ["same", "worker"] as const;

async function withEngine(
  config: Partial<EngineConfig>,
  run: (engine: Engine) => Promise<void>,
): Promise<void> {
  const engine = await createEngine({ models: [TINY, OTHER], slots: 32, ...config });
  try {
    await run(engine);
  } finally {
    await engine.close({ graceMs: 0 });
  }
}

const request = (text: string, options: GenerationRequest["options"] = {}): GenerationRequest => ({
  prompt: { kind: "text", text },
  options: { maxTokens: 24, seed: 5, ignoreEnd: true, ...options },
});

async function idsOf(events: AsyncIterable<ServedEvent>): Promise<number[]> {
  const all = await Array.fromAsync(events);
  return all.flatMap((event) => event.type === "end" ? [] : event.tokens.map(({ id }) => id));
}

async function answer(engine: Engine, name: string, asked: GenerationRequest): Promise<number[]> {
  using lease = await engine.acquire(name);
  return await idsOf(lease.model.generate(asked));
}

Deno.test("served models: same request and seed, same ids: in this thread, in a worker, alone and among 16", async () => {
  for (const name of ["tiny", "other"]) {
    const answers: number[][] = [];
    for (const thread of THREADS) {
      await withEngine({ thread }, async (engine) => {
        answers.push(await answer(engine, name, request("Why is the sky blue")));
        const others = Array.from(
          { length: 16 },
          (_, i) => answer(engine, name, request(`Question ${i} of many`, { seed: i })),
        );
        answers.push(await answer(engine, name, request("Why is the sky blue")));
        await Promise.all(others);
      });
    }
    assertEquals(answers[0].length, 24);
    for (const ids of answers) assertEquals(ids, answers[0]);
  }
});

Deno.test("served models: facts, tokens, texts, templates and embeddings are the same across threads", async () => {
  const told: unknown[] = [];
  for (const thread of THREADS) {
    await withEngine({ thread }, async (engine) => {
      using lease = await engine.acquire("tiny");
      const { model } = lease;
      const ids = await model.tokenize("The answer", { addBos: true });
      const messages = [{ role: "user", content: "Hi" }];
      const { loadMs, memoryBytes, ...facts } = model.facts;
      assert(loadMs > 0 && memoryBytes > 1e6);
      const asked = { ...request("Hi", { topLogprobs: 2, maxTokens: 2 }) };
      const [first] = await Array.fromAsync(model.generate(asked));
      assert(first.type === "content" && first.tokens[0].top?.length === 2);
      told.push({
        ...{ facts, ids, first },
        bytes: await model.tokenBytes(ids),
        text: await model.detokenize(ids),
        prompt: await model.applyTemplate({ messages }),
        chat: await idsOf(model.generate({ ...asked, prompt: { kind: "chat", messages } })),
        embedded: await model.embed(["The sea", ids]),
      });
    });
  }
  const [here, there] = told as [{ facts: ServedModel["facts"]; text: string }, unknown];
  assertEquals(here, there);
  assertEquals(here.text.endsWith("The answer"), true);
  const { parameters, quantization, contextTokens, layers } = here.facts;
  assertEquals([parameters, quantization, contextTokens, layers], [131_392, "F32", 512, 2]);
});

Deno.test("served models: errors come as the runtime's own, and hurt no other request", async () => {
  for (const thread of THREADS) {
    await withEngine({ thread }, async (engine) => {
      using lease = await engine.acquire("tiny");
      const { model } = lease;
      const long = { kind: "ids" as const, ids: Array.from({ length: 600 }, () => 1) };
      const failed = Array.fromAsync(model.generate({ prompt: long, options: {} }));
      const full = await assertRejects(() => failed, ContextFullError) as ContextFullError;
      assertEquals([full.usedTokens, full.limitTokens], [600, 512]);
      const hot = model.generate(request("Hi", { temperature: -1 }));
      await assertRejects(() => Array.fromAsync(hot), RangeError, "temperature is -1");
      await assertRejects(() => model.tokenBytes([1e6]), RangeError, "outside the vocabulary");
      assertEquals((await idsOf(model.generate(request("Hi")))).length, 24);
    });
    const missing = { name: "missing", source: "/nowhere/model.gguf" };
    await withEngine({ thread, models: [missing] }, async (engine) => {
      const error = await assertRejects(() => engine.acquire("missing"), SourceError);
      assertEquals((error as SourceError).source, "/nowhere/model.gguf");
      assertEquals(engine.models()[0].state, "failed");
    });
  }
});

Deno.test("served models: an answer is what its constraint says, a constraint that cannot be held is an error", async () => {
  const schema = {
    ...{ type: "object", required: ["a", "b"], additionalProperties: false },
    properties: { a: { type: "integer", maximum: 99 }, b: { enum: ["x", "yes"] } },
  };
  for (const thread of THREADS) {
    await withEngine({ thread }, async (engine) => {
      using lease = await engine.acquire("tiny");
      const asked = request("Say it", { maxTokens: 64, ignoreEnd: false });
      const held = { ...asked, constraint: { kind: "schema", schema } as const };
      const events = await Array.fromAsync(lease.model.generate(held));
      const value = JSON.parse(
        events.map((event) => event.type === "end" ? "" : event.text).join(""),
      );
      assertEquals(Object.keys(value), ["a", "b"]);
      assert(Number.isInteger(value.a) && ["x", "yes"].includes(value.b), JSON.stringify(value));
      const odd = { kind: "schema", schema: { not: { type: "object" } } } as const;
      const failing = lease.model.generate({ ...asked, constraint: odd });
      await assertRejects(() => Array.fromAsync(failing), UnsupportedSchemaError);
    });
  }
});

Deno.test("served models: a program that closes its engine ends by itself, and one that forgets to", async () => {
  const script = (thread: string, end: string) => `
    import { createEngine } from ${JSON.stringify(import.meta.resolve("./create_engine.ts"))};
    const tiny = ${JSON.stringify({ ...TINY, loadOptions: { threads: 2 } })};
    const engine = await createEngine({ models: [tiny], thread: "${thread}", keepAliveMs: 1e6 });
    {
      using lease = await engine.acquire();
      console.log((await lease.model.tokenize("The answer")).length);
    }
    ${end}
  `;
  for (const thread of THREADS) {
    for (const end of ["await engine.close();", ""]) {
      const { code, out, error } = await denoProcess(["-"], { stdin: script(thread, end) });
      assertEquals({ code, out }, { code: 0, out: "2\n" }, error);
    }
  }
});

Deno.test("served models: 200 aborts at random moments leave nothing behind", async () => {
  for (const thread of THREADS) {
    await withEngine({ thread, slots: 6, maxQueued: 200 }, async (engine) => {
      await answer(engine, "tiny", request("Hi"));
      const random = seededRandom(7);
      const ends = { left: 0, aborted: 0 };
      const one = async (i: number) => {
        const reason = new Error(`left ${i}`);
        const leaving = new AbortController();
        const { signal } = leaving;
        const [kind, most] = [random(3), 1 + random(12)];
        if (kind === 0) setTimeout(() => leaving.abort(reason), random(200));
        try {
          using lease = await engine.acquire("tiny", { signal, client: `${i % 5}` });
          let events = 0;
          for await (const _ of lease.model.generate(request(`Ask ${i % 9}`), signal)) {
            events++;
            if (kind === 1 && events === most) break;
            if (kind === 2 && events === most) leaving.abort(reason);
          }
          ends.left++;
        } catch (error) {
          assertEquals(error, reason);
          ends.aborted++;
        }
      };
      await Promise.all(Array.from({ length: 200 }, (_, i) => one(i)));
      assert(ends.left > 20 && ends.aborted > 20, JSON.stringify(ends));
      const { slots, queued, models: [{ load }] } = await engine.status();
      assertEquals([queued, slots.filter(({ model }) => model !== undefined)], [0, []]);
      assertEquals([load?.running, load?.usedPages], [0, 0]);
    });
  }
});

Deno.test("served models: a worker that dies fails its requests, others go on, and the model is loaded again", async () => {
  const threads: WorkerThread[] = [];
  const start: typeof startWorkerThread = (events) => {
    const thread = startWorkerThread(events);
    threads.push(thread);
    return thread;
  };
  const engine = assembleEngine(
    { models: [TINY, OTHER], slots: 4 },
    modelLoader("worker", start),
    hostClock,
  );
  using other = await engine.acquire("other");
  const lease = await engine.acquire("tiny");
  const reading = Array.fromAsync(lease.model.generate(request("Hi", { maxTokens: 400 })));
  const embedding = lease.model.embed(["Hi"]);
  threads[1].terminate();
  await assertRejects(() => reading, ThreadError, 'The thread of the model "tiny" has died');
  await assertRejects(() => embedding, ThreadError);
  await assertRejects(() => lease.model.tokenize("Hi"), ThreadError);
  lease[Symbol.dispose]();
  assertEquals(engine.models().map(({ state }) => state), ["failed", "ready"]);
  assertEquals((await idsOf(other.model.generate(request("Hi")))).length, 24);
  assertEquals((await answer(engine, "tiny", request("Hi"))).length, 24);
  assertEquals(threads.length, 3);
  await engine.close({ graceMs: 0 });
});

Deno.test("served models: where no worker starts, `auto` takes this thread and `worker` fails", async () => {
  const starts: (typeof startWorkerThread)[] = [
    () => {
      throw new Error("no threads in here");
    },
    ({ onMessage, onEnd }) => {
      queueMicrotask(() => onMessage({ kind: "started", failure: "no such module" }));
      return { post: () => {}, keepAlive: () => {}, terminate: () => onEnd("over") };
    },
    ({ onEnd }) => {
      queueMicrotask(() => onEnd("out of memory"));
      return { post: () => {}, keepAlive: () => {}, terminate: () => {} };
    },
  ];
  const reasons = ["no threads in here", "no such module", "out of memory"];
  for (const [i, start] of starts.entries()) {
    const auto = assembleEngine({ models: [TINY] }, modelLoader("auto", start), hostClock);
    assertEquals((await answer(auto, "tiny", request("Hi"))).length, 24);
    await auto.close();
    const strict = assembleEngine({ models: [TINY] }, modelLoader("worker", start), hostClock);
    await assertRejects(() => strict.acquire("tiny"), Error, reasons[i]);
    await strict.close();
  }
});

Deno.test("served models: closing ends streams that run, and threads", async () => {
  for (const thread of THREADS) {
    const engine = await createEngine({ models: [TINY, OTHER], thread });
    const stream = async (name: string) => {
      using lease = await engine.acquire(name);
      for await (const _ of lease.model.generate(request("Hi", { maxTokens: 490 }))) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const streams = [stream("tiny"), stream("other"), stream("tiny")].map((running) =>
      assertRejects(() => running, EngineClosingError)
    );
    while (engine.models().some(({ state }) => state !== "ready")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const start = performance.now();
    await engine.close({ graceMs: 50 });
    await Promise.all(streams);
    assert(performance.now() - start < 4_000);
  }
});
