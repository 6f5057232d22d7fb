/** The ready entry in an emulated isolate: no Worker, no SharedArrayBuffer, no files, weights by range, little memory. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { resolveModel } from "../../packages/runtime/src/weights/resolve_model.ts";
import { GREEDY_IDS, MODEL_PATH, PROMPT_IDS } from "../packages/greedy_fixture.ts";
import { type IsolateQuestion, runIsolate } from "../support/isolate.ts";
import { framesOf } from "../support/scripted_app.ts";

/** Of the whole process, Deno itself included. */
const TINY_BYTES = 160e6;
const SMOLLM2_BYTES = 512e6;

const schema = {
  type: "object",
  properties: { name: { type: "string", maxLength: 9 }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

function chat(content: string, more: object = {}): IsolateQuestion {
  const messages = [{ role: "user", content }];
  return ["/v1/chat/completions", { messages, max_tokens: 24, temperature: 0, ...more }];
}

/** What a day brings, for any model. */
const ROUNDS: readonly (readonly IsolateQuestion[])[] = [
  [chat("Why is the sky blue?")],
  // More than there are places.
  Array.from(
    { length: 12 },
    (_, i) => chat(`Say ${i}. ${"Then go on. ".repeat(8)}`, { stream: true }),
  ),
  [chat("Who?", {
    ...{ max_tokens: 60, seed: 1, temperature: 1 },
    response_format: { type: "json_schema", json_schema: { name: "person", schema } },
  })],
  [["/v1/embeddings", { input: ["the sky", "the sea"] }], ["/v1/responses", {
    input: "hi",
    max_output_tokens: 8,
  }]],
  [["/openapi.json"], ["/docs"], ["/metrics"], ["/v1/models"]],
];

function expectServed(answers: readonly (readonly (readonly [number, string])[])[]): void {
  const [[whole], streams, [constrained], more, pages] = answers;
  for (const [status, text] of answers.flat()) assertEquals(status, 200, text.slice(0, 300));
  assertEquals(JSON.parse(whole[1]).usage.completion_tokens, 24);
  for (const [, text] of streams) {
    const frames = framesOf(text);
    assertEquals(frames.at(-1), "[DONE]");
    assert(!text.includes('"error"') && frames.length > 4, text.slice(-300));
  }
  const person = JSON.parse(JSON.parse(constrained[1]).choices[0].message.content);
  assertEquals(Object.keys(person).sort(), ["age", "name"]);
  assertEquals(JSON.parse(more[0][1]).data.length, 2);
  assertEquals(JSON.parse(more[1][1]).object, "response");
  assertEquals(pages.length, 4);
}

Deno.test("isolate: a tiny model within 160 MB, with the tokens that it has everywhere", async () => {
  const { answers, peakBytes, rangeRequests } = await runIsolate({
    ...{ modelPath: MODEL_PATH, limitBytes: TINY_BYTES },
    rounds: [
      ...ROUNDS,
      [["/completion", {
        prompt: PROMPT_IDS,
        n_predict: GREEDY_IDS.length,
        temperature: 0,
        ignore_eos: true,
      }]],
      [["/detokenize", { tokens: GREEDY_IDS }]],
    ],
  });
  expectServed(answers);
  const [[greedy], [expected]] = answers.slice(ROUNDS.length);
  assertEquals(JSON.parse(greedy[1]).content, JSON.parse(expected[1]).content);
  assert(JSON.parse(answers[0][0][1]).system_fingerprint.includes("_simd_"));
  assert(rangeRequests > 0);
  assert(peakBytes <= TINY_BYTES, `${peakBytes} bytes`);
});

Deno.test("isolate: SmolLM2 within 512 MB", async () => {
  const modelPath = String(await resolveModel(process.env.AHA_SMOLLM2 || "smollm2-135m"));
  const { answers, peakBytes } = await runIsolate({
    ...{ modelPath, rounds: ROUNDS, limitBytes: SMOLLM2_BYTES },
    env: { AHA_CTX: "2048", AHA_SLOTS: "2" }, // as the guide for Deno Deploy says
  });
  expectServed(answers);
  assert(/sky|blue|light/i.test(JSON.parse(answers[0][0][1]).choices[0].message.content));
  console.log(peakBytes);
  assert(peakBytes <= SMOLLM2_BYTES, `${peakBytes} bytes`);
});
