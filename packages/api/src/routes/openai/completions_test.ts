/** Tests of completions.ts. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { framesOf, scriptedApp } from "../../../../../tests/support/scripted_app.ts";

const PATH = "/v1/completions";

// deno-lint-ignore no-explicit-any
type Json = any;

async function answered(
  body: object,
  app = scriptedApp({ content: ["Hel", "lo"] }),
): Promise<Json> {
  const response = await app.post(PATH, body);
  const text = await response.text();
  assertEquals([response.status, app.engine.open], [200, 0], text);
  return JSON.parse(text);
}

Deno.test("completions: every field of a whole answer", async () => {
  const { id, created, ...rest } = await answered({ prompt: "a" });
  assertMatch(id, /^cmpl-/);
  assert(created > 1.7e9);
  assertEquals(rest, {
    ...{ object: "text_completion", model: "scripted" },
    system_fingerprint: "fp_wasm_simd_Q8_0_1100000",
    choices: [{ index: 0, text: "Hello", logprobs: null, finish_reason: "stop" }],
    usage: {
      ...{ prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 },
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 0 },
      ...{ prompt_cache_hit_tokens: 4, prompt_cache_miss_tokens: 6 },
    },
    timings: {
      ...{ cache_n: 4, prompt_n: 6, prompt_ms: 60, prompt_per_token_ms: 10 },
      ...{ prompt_per_second: 100, predicted_n: 2, predicted_ms: 40, predicted_per_token_ms: 20 },
      predicted_per_second: 50,
    },
  });
});

Deno.test("completions: a prompt that is done first does not end the others", async () => {
  const app = scriptedApp(({ prompt }) => ({
    content: Array(prompt.kind === "ids" && prompt.ids.length > 2 ? 20 : 1).fill("x"),
    pauseMs: 1,
  }));
  const { choices } = await answered({ prompt: [[1], [1, 2, 3], [1]] }, app);
  assertEquals(choices.map(({ text }: Json) => text), ["x", "x".repeat(20), "x"]);
});

Deno.test("completions: text, ids and arrays of either, each with n choices", async () => {
  const promptsOf = async (body: object) => {
    const app = scriptedApp({ content: ["x"] });
    const { choices, usage } = await answered(body, app);
    const places = app.engine.acquired[0]?.places;
    const prompts = app.engine.requests.map(({ prompt, options }) => [
      prompt.kind === "ids" ? prompt.ids : prompt.kind,
      options.choice,
    ]);
    assertEquals(choices.map(({ index }: Json) => index), prompts.map((_, i) => i));
    return { prompts, places, promptTokens: usage.prompt_tokens };
  };
  assertEquals(await promptsOf({ prompt: "a" }), {
    ...{ prompts: [[[97], 0]], places: 1, promptTokens: 10 },
  });
  assertEquals((await promptsOf({ prompt: [1, 2] })).prompts, [[[1, 2], 0]]);
  assertEquals((await promptsOf({ prompt: [[1, 2], [3]] })).prompts, [[[1, 2], 0], [[3], 0]]);
  assertEquals(await promptsOf({ prompt: ["a", "b"], n: 2 }), {
    prompts: [[[97], 0], [[97], 1], [[98], 0], [[98], 1]],
    ...{ places: 4, promptTokens: 20 },
  });
});

Deno.test("completions: 16 tokens unless asked otherwise, as OpenAI's", async () => {
  const app = scriptedApp({ content: ["x"] });
  await answered({ prompt: "a" }, app);
  await answered({ prompt: "a", max_tokens: 40, stop: ["y"], seed: 5 }, app);
  assertEquals(app.engine.requests.map(({ options }) => options), [
    { maxTokens: 16, choice: 0 },
    { maxTokens: 40, stop: ["y"], seed: 5, choice: 0 },
  ]);
});

Deno.test("completions: echo repeats the prompt, also of ids", async () => {
  assertEquals((await answered({ prompt: "ab", echo: true })).choices[0].text, "abHello");
  const ids = [...new TextEncoder().encode("xyz")];
  assertEquals((await answered({ prompt: ids, echo: true })).choices[0].text, "xyzHello");
  const app = scriptedApp({ content: ["Hel", "lo"] });
  const response = await app.post(PATH, { prompt: "ab", echo: true, stream: true });
  const frames = framesOf(await response.text()) as Json[];
  assertEquals(frames.slice(0, -1).map(({ choices: [{ text }] }) => text), ["abHel", "lo", ""]);
  const silent = scriptedApp({ content: [] });
  assertEquals((await answered({ prompt: "ab", echo: true }, silent)).choices[0].text, "ab");
});

Deno.test("completions: log-probabilities in the old form", async () => {
  const { choices: [{ logprobs }] } = await answered({ prompt: "a", logprobs: 2 });
  assertEquals(logprobs, {
    tokens: ["Hel", "lo"],
    token_logprobs: [-0.5, -0.5],
    top_logprobs: [{ Hel: -0.5 }, { lo: -0.5 }],
    text_offset: [0, 3],
  });
  const none = await answered({ prompt: "a", logprobs: 0 });
  assertEquals(none.choices[0].logprobs.top_logprobs, [{}, {}]);
});

Deno.test("completions: a thought stands beside the text", async () => {
  const app = scriptedApp({ reasoning: ["hm"], content: ["a"] });
  const { choices: [choice] } = await answered({ prompt: "a" }, app);
  assertEquals([choice.text, choice.reasoning_content], ["a", "hm"]);
});

Deno.test("completions: a stream frame by frame", async () => {
  const app = scriptedApp({ content: ["Hel", "lo"] });
  const body = { prompt: "a", stream: true, stream_options: { include_usage: true } };
  const frames = framesOf(await (await app.post("/beta/completions", body)).text()) as Json[];
  assertEquals(frames.pop(), "[DONE]");
  const usage = frames.pop();
  assertEquals([usage.choices, usage.usage.total_tokens], [[], 12]);
  for (const frame of frames) assertEquals([frame.object, frame.usage], ["text_completion", null]);
  assertEquals(frames.map(({ choices }) => choices), [
    [{ index: 0, text: "Hel", logprobs: null, finish_reason: null }],
    [{ index: 0, text: "lo", logprobs: null, finish_reason: null }],
    [{ index: 0, text: "", logprobs: null, finish_reason: "stop" }],
  ]);
  assertEquals(frames.at(-1).timings.predicted_n, 2);
});

Deno.test("completions: a choice that fails ends all of them", async () => {
  const app = scriptedApp(({ options }) => ({
    content: Array(50).fill("a"),
    pauseMs: 2,
    ...(options.choice === 1 ? { content: ["a"], error: new RangeError("seed is x") } : {}),
  }));
  const response = await app.post(PATH, { prompt: "a", n: 2 });
  assertEquals([response.status, app.engine.open, app.engine.aborted], [400, 0, 2]);
});

Deno.test("completions: what is refused, with the field that is to blame", async () => {
  const TABLE: readonly [object, string][] = [
    [{ suffix: "x" }, "suffix"],
    [{ best_of: 2 }, "best_of"],
    [{ n: 9 }, "n"],
    [{ prompt: ["a", "b", "c"], n: 4 }, "prompt"],
    [{ echo: true, logprobs: 1 }, "echo"],
    [{ prompt: [1, 256] }, "prompt"],
    [{ prompt: [] }, "prompt"],
    [{ prompt: [[]] }, "prompt[0]"],
    [{ prompt: ["a", 5] }, "prompt[1]"],
  ];
  for (const [body, wanted] of TABLE) {
    const response = await scriptedApp({ content: [] }).post(PATH, { prompt: "a", ...body });
    const { error } = await response.json();
    assertEquals([response.status, error.param], [400, wanted], error.message);
  }
});
