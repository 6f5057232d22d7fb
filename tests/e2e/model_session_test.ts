/** A loaded model in a program: aborts, early ends, several at once, a forgotten close. Sees what a caller sees. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadModel, MemoryError, type Model } from "../../packages/runtime/mod.ts";
import { denoProcess } from "../support/aha_process.ts";
import { withFolder } from "../support/edited_model.ts";
import { fixturePath } from "../support/fixture.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const OTHER = fixturePath("models/llama_k256/gguf/model-Q4_0.gguf");
const MESSAGES = [{ role: "user", content: "Why is the sky blue?" }];
const SAMPLED = { maxTokens: 40, temperature: 1.2, seed: 11, ignoreEnd: true };

/** What must not depend on anything else that runs. */
async function answer(model: Model, ids: readonly number[]): Promise<unknown> {
  const { ids: drawn, logprobs } = await model.complete(ids, SAMPLED);
  return { drawn, logprobs };
}

Deno.test("model: an abort ends a generation with its reason, and the next one works", async () => {
  await using model = await loadModel(MODEL);
  const expected = await answer(model, [1, 2, 3]);
  for (const when of ["before", "after a token", "by a timer"]) {
    const abort = new AbortController();
    const reason = new Error(`enough ${when}`);
    if (when === "before") abort.abort(reason);
    if (when === "by a timer") setTimeout(() => abort.abort(reason), 15);
    let tokens = 0;
    const run = async () => {
      for (;;) { // a single context of this small model would be done before the timer
        const events = model.chat(MESSAGES, { ...SAMPLED, maxTokens: 400, signal: abort.signal });
        for await (const event of events) {
          if (event.type !== "end" && ++tokens === 3 && when === "after a token") {
            abort.abort(reason);
          }
        }
      }
    };
    const error = await assertRejects(run, Error, reason.message);
    assert(error === reason);
    if (when !== "by a timer") assertEquals(tokens, when === "before" ? 0 : 3);
  }
  assertEquals(await answer(model, [1, 2, 3]), expected);
});

Deno.test("model: an abort ends scoring and loading with its reason", async () => {
  const ids = Array.from({ length: 400 }, (_, i) => i % 380);
  await using model = await loadModel(MODEL);
  const abort = new AbortController();
  const onLogits = () => abort.abort(new Error("enough"));
  await assertRejects(() => model.score(ids, { onLogits, signal: abort.signal }), Error, "enough");
  assertEquals((await model.score(ids)).logprobs.length, 399);

  const load = new AbortController();
  let calls = 0;
  const onProgress = () => {
    if (++calls === 3) load.abort(new Error("stop loading"));
  };
  await assertRejects(
    () => loadModel(MODEL, { onProgress, signal: load.signal }),
    Error,
    "stop loading",
  );
  assertEquals(calls, 3);
  const before = AbortSignal.abort(new Error("not even begun"));
  await assertRejects(() => loadModel(MODEL, { signal: before }), Error, "not even begun");
});

Deno.test("model: progress goes up to all tensor bytes", async () => {
  const seen: number[] = [];
  let total = 0;
  await using _model = await loadModel(MODEL, {
    onProgress: ({ phase, doneBytes, totalBytes }) => {
      assertEquals(phase, "load");
      seen.push(doneBytes);
      total = totalBytes ?? 0;
    },
  });
  assertEquals(seen, seen.toSorted((a, b) => a - b));
  assertEquals([seen.at(-1), total], [131_392 * 4, 131_392 * 4]);
});

Deno.test("model: leaving the loop early frees the cache", async () => {
  await using model = await loadModel(MODEL);
  const generate = async (leaveAt: number) => {
    let tokens = 0;
    for await (const _event of model.chat(MESSAGES, { ...SAMPLED, maxTokens: 100 })) {
      if (++tokens === leaveAt) break;
    }
    return tokens;
  };
  await generate(Infinity);
  const { memoryBytes } = model;
  // 150 times 5 pages of 8 KiB would be 6 MB
  for (let i = 0; i < 150; i++) assertEquals(await generate(1 + i % 8), 1 + i % 8);
  const events = model.chat(MESSAGES, SAMPLED);
  await events.next();
  await events.return(undefined);
  await assertRejects(
    () => model.complete([1, 2], { ...SAMPLED, onText: () => fail("thrown by the caller") }),
    Error,
    "thrown by the caller",
  );
  assertEquals(model.memoryBytes, memoryBytes);
});

function fail(message: string): never {
  throw new Error(message);
}

Deno.test("model: several requests at once give what each gives alone, in steady memory", async () => {
  await using model = await loadModel(MODEL);
  const prompts = [[1, 2, 3], [9, 8, 7, 6], Array.from({ length: 70 }, (_, i) => i * 5 % 380)];
  const text = Array.from({ length: 300 }, (_, i) => i * i % 380);
  const alone: unknown[] = [];
  for (const ids of prompts) alone.push(await answer(model, ids));
  const scored = await model.score(text, { onLogits: () => {} });
  const together = () =>
    Promise.all([
      ...prompts.map((ids) => answer(model, ids)),
      model.score(text, { onLogits: () => {} }),
    ]);
  assertEquals(await together(), [...alone, scored]);
  const { memoryBytes } = model;
  for (let i = 0; i < 10; i++) assertEquals(await together(), [...alone, scored]);
  // how many pages of 8 KiB are in use at once is a matter of timing
  assert(model.memoryBytes <= memoryBytes + 2 ** 19, `${memoryBytes} then ${model.memoryBytes}`);
});

Deno.test("model: two models are open at once and do not disturb each other", async () => {
  const ids = [1, 2, 3];
  const alone: unknown[] = [];
  for (const path of [MODEL, OTHER]) {
    await using model = await loadModel(path);
    alone.push(await answer(model, ids));
  }
  await using one = await loadModel(MODEL);
  {
    await using two = await loadModel(OTHER);
    assertEquals(await Promise.all([answer(one, ids), answer(two, ids)]), alone);
  }
  assertEquals(await answer(one, ids), alone[0]);
});

Deno.test("model: a closed model says so, also in the middle of an answer", async () => {
  const model = await loadModel(MODEL);
  const events = model.chat(MESSAGES, SAMPLED);
  await events.next();
  await model.close();
  await model.close();
  await assertRejects(() => events.next(), TypeError, "The model is closed");
  await assertRejects(() => model.complete([1]), TypeError, "The model is closed");
  await assertRejects(() => model.score([1]), TypeError, "The model is closed");
});

Deno.test("model: options out of range are refused with their value", async () => {
  await using model = await loadModel(MODEL);
  const wrong = [
    { maxTokens: -1 },
    { maxTokens: 1.5 },
    { maxTokens: NaN },
    { temperature: -1 },
    { temperature: NaN },
    { topP: 1.01 },
    { minP: -0.1 },
    { topK: 0.5 },
    { seed: -1 },
    { seed: 0.5 },
  ];
  const words = [{ onFullContext: "x" }, { think: "maybe" }];
  for (const options of words) {
    const [[name, value]] = Object.entries(options);
    const error = await assertRejects(() => model.complete([1, 2], options as never), RangeError);
    assertStringIncludes(error.message, `${name} is ${value}, it must be`);
  }
  const kvType = "q4_0" as never;
  await assertRejects(
    () => model.score([1, 2], { kvType }),
    TypeError,
    "kvType is q4_0, known are f32, f16, q8_0",
  );
  const logitBias = new Map([[1, 2]]) as never;
  await assertRejects(() => model.complete([1], { logitBias }), RangeError, "logitBias is a Map");
  for (const options of wrong) {
    const [[name, value]] = Object.entries(options);
    const error = await assertRejects(() => model.complete([1, 2], options), RangeError);
    assertStringIncludes(error.message, `${name} is ${value}, it must`);
  }
  for (const id of [1.5, NaN, -1, 384, 2 ** 32 + 1]) {
    const message = `Token id ${id} is outside the vocabulary of 384`;
    await assertRejects(() => model.complete([1, id]), RangeError, message);
    await assertRejects(() => model.score([1, id]), RangeError, message);
  }
});

Deno.test("model: a Blob and a file URL load like the path", async () => {
  await using path = await loadModel(MODEL);
  const expected = await answer(path, [1, 2, 3]);
  const { readFile } = await import("node:fs/promises");
  const { pathToFileURL } = await import("node:url");
  for (const where of [new Blob([new Uint8Array(await readFile(MODEL))]), pathToFileURL(MODEL)]) {
    await using model = await loadModel(where);
    assertEquals(await answer(model, [1, 2, 3]), expected);
  }
});

Deno.test("model: loads leave no file open, whether they succeed or fail", async () => {
  const folder = "/proc/self/fd";
  const openFiles = () => existsSync(folder) ? readdirSync(folder).length : 0;
  const load = async () => {
    // helper threads have files of their own, which end later
    await using _model = await loadModel(MODEL, { threads: 1 });
    await assertRejects(() => loadModel(MODEL, { threads: 1, memoryBytes: 1 }), MemoryError);
    const onProgress = () => fail("stop");
    await assertRejects(() => loadModel(MODEL, { threads: 1, onProgress }), Error, "stop");
  };
  await load();
  const before = openFiles();
  for (let i = 0; i < 10; i++) await load();
  assert(openFiles() < before + 10, `${openFiles()} files are open, ${before} were`);
});

Deno.test("model: a program that forgets close still ends", async () => {
  await withFolder(async (folder) => {
    const script = join(folder, "forgets.ts");
    const runtime = new URL("../../packages/runtime/mod.ts", import.meta.url).href;
    writeFileSync(
      script,
      `import { loadModel } from ${JSON.stringify(runtime)};
const model = await loadModel(${JSON.stringify(MODEL)}, { threads: 2 });
const { ids } = await model.complete([1, 2, 3], { maxTokens: 5, temperature: 0, ignoreEnd: true });
for await (const _event of model.chat([{ role: "user", content: "Hi" }])) break;
console.log(ids.length);
`,
    );
    const ended = await denoProcess([script], { timeoutMs: 20_000 });
    assertEquals(ended, { code: 0, out: "5\n", error: "" });
  });
});

Deno.test("sampling: a seed draws the same tokens alone, beside others and from any prefix", async () => {
  await using model = await loadModel(MODEL, { kvType: "f32" });
  const prompt = [1, 2, 3];
  const { ids } = await model.complete(prompt, SAMPLED);
  // The random number belongs to (seed, choice, position), so re-feeding a prefix draws the rest again.
  for (const cut of [1, 7, 29, 31]) {
    const prefix = [...prompt, ...ids.slice(0, cut)];
    const rest = await model.complete(prefix, { ...SAMPLED, maxTokens: ids.length - cut });
    assertEquals(rest.ids, ids.slice(cut), `after ${cut} tokens`);
  }
  const busy = await Promise.all([
    model.complete(prompt, SAMPLED),
    model.complete([5, 6, 7, 8, 9], { ...SAMPLED, seed: 12 }),
  ]);
  assertEquals(busy[0].ids, ids);
});

Deno.test("sampling: the position decides the draw, so shifted prompts of one token draw differently", async () => {
  await using model = await loadModel(MODEL);
  const first = async (length: number) => {
    const ids = Array(length).fill(7);
    return (await model.complete(ids, { maxTokens: 1, temperature: 100, seed: 3 })).ids[0];
  };
  // At temperature 100 all tokens are about equally likely: the id shows the random number itself.
  const drawn = new Set(await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(first)));
  assert(drawn.size >= 6, `${[...drawn]}`);
});

Deno.test("generateBatch: each prompt gives what it gives alone, equal prompts differ", async () => {
  await using model = await loadModel(MODEL);
  const prompts = [[1, 2, 3], "One and", [9, 8, 7, 6], [1, 2, 3]];
  const alone: number[][] = [];
  for (const [i, prompt] of prompts.entries()) {
    const { ids } = await model.complete(prompt, { ...SAMPLED, choice: i === 3 ? 1 : 0 });
    alone.push([...ids]);
  }
  const seen = new Map<number, number[]>();
  const results = await model.generateBatch(prompts, {
    ...SAMPLED,
    onEvent: (event, index) => {
      if (event.type !== "end") seen.set(index, [...seen.get(index) ?? [], ...event.ids]);
    },
  });
  assertEquals(results.map(({ ids }) => ids), alone);
  assertEquals([0, 1, 2, 3].map((index) => seen.get(index)), alone);
  assert(results[0].ids.join() !== results[3].ids.join());
  assertEquals(await model.generateBatch([], SAMPLED), []);
});

Deno.test("generateBatch: one that fails ends all, an abort too, and the model goes on", async () => {
  await using model = await loadModel(MODEL);
  const long = { ...SAMPLED, maxTokens: 400 };
  await assertRejects(() => model.generateBatch([[1], [2, 999]], long), RangeError, "Token id 999");
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 10);
  const run = () => model.generateBatch([[1], [2], [3]], { ...long, signal: abort.signal });
  await assertRejects(run, Error, "enough");
  assertEquals((await model.generateBatch([[1]], SAMPLED)).length, 1);
});

Deno.test("session: a conversation goes on from the cache and says what a fresh model says", async () => {
  const options = { maxTokens: 12, seed: 4, temperature: 1, ignoreEnd: true };
  const talk = async (reusePrefix: boolean) => {
    await using model = await loadModel(MODEL);
    const session = model.session({ ...options, reusePrefix, system: "Answer." });
    const said: unknown[] = [];
    const cached: number[] = [];
    for (const text of ["Hi", "Why?", "And then?"]) {
      for await (const event of session.send(text)) {
        if (event.type === "end") cached.push(event.usage.cachedPromptTokens);
        else said.push(event.ids);
      }
    }
    return { said, cached };
  };
  const [kept, fresh] = [await talk(true), await talk(false)];
  assertEquals(kept.said, fresh.said);
  assertEquals(fresh.cached, [0, 0, 0]);
  assert(kept.cached[0] === 0 && kept.cached[1] > 20 && kept.cached[2] > kept.cached[1]);
});

Deno.test("close: in the middle of a long prompt nothing steps on, and waiting requests say why", async () => {
  const model = await loadModel(MODEL);
  const ids = Array.from({ length: 500 }, (_, i) => i % 380);
  const runs = [model.complete(ids, SAMPLED), model.score(ids), model.complete([1, 2], SAMPLED)];
  const settled = Promise.allSettled(runs);
  await Promise.resolve();
  await model.close();
  for (const result of await settled) {
    assert(result.status === "rejected" && result.reason.message === "The model is closed");
  }
});

Deno.test("cacheTokens: less than a context is refused", async () => {
  const load = () => loadModel(MODEL, { contextTokens: 100, cacheTokens: 99 });
  await assertRejects(load, RangeError, "cacheTokens is 99, it must be");
});
