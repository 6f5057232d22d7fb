/** Tests of /completion on the wire. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { keysOf } from "../../../../../tests/support/ollama_fields.ts";
import { framesOf, scriptedApp } from "../../../../../tests/support/scripted_app.ts";

/** As llama-server's README lists them, and those that its server sends besides. */
const FIELDS = [
  ...["content", "generation_settings", "has_new_line", "id_slot", "index", "model", "prompt"],
  ...["stop", "stop_type", "stopping_word", "timings", "tokens", "tokens_cached"],
  ...["tokens_evaluated", "tokens_predicted", "truncated"],
];
const SCRIPT = { content: ["Hello", " you\n"] };

type App = ReturnType<typeof scriptedApp>;

async function complete(app: App, body: object): Promise<Record<string, unknown>> {
  const response = await app.post("/completion", { prompt: "Hi", ...body });
  const text = await response.text();
  assertEquals([response.status, app.engine.open], [200, 0], text);
  return JSON.parse(text);
}

Deno.test("completion: a whole answer, with exact fields", async () => {
  const answer = await complete(scriptedApp(SCRIPT), { return_tokens: true, temperature: 0 });
  assertEquals(keysOf(answer), FIELDS);
  assertEquals([answer.content, answer.tokens], ["Hello you\n", [5, 5]]);
  assertEquals([answer.stop, answer.stop_type, answer.stopping_word], [true, "eos", ""]);
  assertEquals([answer.model, answer.prompt, answer.has_new_line], ["scripted", "Hi", true]);
  assertEquals([answer.tokens_evaluated, answer.tokens_cached, answer.tokens_predicted], [
    10,
    4,
    2,
  ]);
  const settings = { n_ctx: 512, temperature: 0, return_tokens: true };
  assertEquals(answer.generation_settings, settings);
  assertEquals((await complete(scriptedApp(SCRIPT), {})).tokens, []);
});

Deno.test("completion: a stream of pieces, the last object without their text", async () => {
  const app = scriptedApp({ reasoning: ["Hm"], ...SCRIPT });
  const response = await app.post("/completion", { prompt: "Hi", stream: true, n_probs: 1 });
  const frames = framesOf(await response.text()) as Record<string, unknown>[];
  const last = frames.pop()!;
  assertEquals(
    frames.map(({ content, reasoning_content, stop }) => [content, reasoning_content, stop]),
    [
      ...[["", "Hm", false], ["Hello", undefined, false], [" you\n", undefined, false]],
    ],
  );
  assertEquals((frames[1].completion_probabilities as unknown[]).length, 1);
  assertEquals([keysOf(last), last.content, last.stop], [FIELDS, "", true]);
  assertEquals(app.engine.open, 0);
});

Deno.test("completion: why it ended", async () => {
  const cut = await complete(scriptedApp({ ...SCRIPT, finishReason: "length" }), { stop: ["you"] });
  assertEquals([cut.stop_type, cut.stopping_word], ["limit", ""]);
  const app = scriptedApp({ content: ["Hello", " END"] });
  const word = await complete(app, { stop: ["nothing", "END", " E", ""] });
  assertEquals([word.stop_type, word.stopping_word], ["word", " E"]);
  assertEquals(app.engine.requests[0].options.stop, ["nothing", "END", " E"]);
  const ended = await complete(scriptedApp(SCRIPT), { stop: ["nothing"] });
  assertEquals([ended.stop_type, ended.stopping_word], ["eos", ""]);
});

Deno.test("completion: log-probabilities in llama-server's form", async () => {
  const answer = await complete(scriptedApp({ content: ["a"] }), { n_probs: 1 });
  const token = { token: "a", logprob: -0.5, bytes: [97] };
  assertEquals(answer.completion_probabilities, [{ id: 1, ...token, top_logprobs: [token] }]);
});

Deno.test("completion: every option reaches the model", async () => {
  const app = scriptedApp(SCRIPT, { maxTokens: 50 });
  await complete(app, {
    ...{ prompt: [1, 2], n_predict: 9, temperature: 0.5, top_k: -1, top_p: 0.9, min_p: 0.1 },
    ...{ repeat_penalty: 1.1, repeat_last_n: -1, presence_penalty: 1, frequency_penalty: -1 },
    ...{ seed: 4, stop: ["x"], ignore_eos: true, n_probs: 2, cache_prompt: false },
    ...{ logit_bias: [[5, 1.5], [6, false]], json_schema: { type: "object" }, mirostat: 0 },
  });
  const { prompt, options, constraint } = app.engine.requests[0];
  assertEquals(prompt, { kind: "ids", ids: [1, 2] });
  assertEquals(options, {
    ...{ maxTokens: 9, temperature: 0.5, topK: 0, topP: 0.9, minP: 0.1, repeatPenalty: 1.1 },
    ...{ repeatLastTokens: Infinity, presencePenalty: 1, frequencyPenalty: -1, seed: 4 },
    ...{ stop: ["x"], ignoreEnd: true, topLogprobs: 2, reusePrefix: false },
    logitBias: { 5: 1.5, 6: -Infinity },
  });
  assertEquals(constraint, {
    ...{ kind: "schema", schema: { type: "object" }, field: "json_schema" },
  });
  await complete(app, { n_predict: -1, seed: -1, logit_bias: { "7": -2 } });
  assertEquals(app.engine.requests[1].options, { maxTokens: 50, logitBias: { 7: -2 } });
  assertEquals(app.engine.requests[1].prompt, { kind: "ids", ids: [72, 105] });
});

Deno.test("completion: wrong requests", async () => {
  const app = scriptedApp(SCRIPT);
  const wrong: readonly (readonly [object, number, string])[] = [
    [{ prompt: undefined }, 400, "prompt"],
    [{ prompt: ["a", "b"] }, 400, "prompt"],
    [{ prompt: [256] }, 400, "outside the vocabulary"],
    [{ n_predict: "many" }, 400, "n_predict"],
    [{ mirostat: 2 }, 400, "mirostat"],
    [{ grammar: 'root ::= "a"' }, 400, "grammar is not taken"],
    [{ model: "x" }, 404, "not served here"],
  ];
  for (const [body, status, sentence] of wrong) {
    const response = await app.post("/completion", { prompt: "Hi", ...body });
    const { error } = await response.json();
    assertEquals(response.status, status);
    assertStringIncludes(error.message, sentence);
  }
  assertEquals([app.engine.open, app.engine.requests.length], [0, 0]);
});

Deno.test("completion: a reader that leaves gives the place back", async () => {
  const app = scriptedApp({ content: new Array(50).fill("word "), pauseMs: 2 });
  const response = await app.post("/completion", { prompt: "Hi", stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals([app.engine.open, app.engine.aborted], [0, 1]);
});
