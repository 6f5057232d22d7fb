/** `minTokens` on a fixture whose greedy continuation ends a turn. Nothing about other options. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadModel } from "../../packages/runtime/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { F32_LOGPROB } from "../support/tolerance.ts";

interface Expected {
  readonly prompts: readonly {
    readonly ids: readonly number[];
    readonly greedy: readonly number[];
  }[];
}

Deno.test("minTokens: no end token is drawn before, and log-probabilities stay those of all tokens", async () => {
  await using model = await loadModel(fixturePath("models/llama_untied/gguf/model-F32.gguf"), {
    kvType: "f32",
  });
  const { endIds } = model.tokenizer;
  const { prompts } = fixtureJson<Expected>("models/llama_untied/expected.json");
  const prompt = prompts.find(({ greedy }) => greedy.some((id) => endIds.has(id)));
  assert(prompt, "some reference continuation ends a turn");
  const end = prompt.greedy.findIndex((id) => endIds.has(id));
  const greedy = { temperature: 0, maxTokens: end + 9 };
  const short = await model.complete(prompt.ids, greedy);
  assertEquals([short.ids, short.finishReason], [prompt.greedy.slice(0, end), "stop"]);
  const longer = await model.complete(prompt.ids, { ...greedy, minTokens: end + 1 });
  assertEquals(longer.ids.slice(0, end), short.ids);
  assert(longer.ids.length > end && !endIds.has(longer.ids[end]));
  assertEquals(longer.logprobs.slice(0, end), short.logprobs);
  const scored = await model.score([...prompt.ids, ...longer.ids]);
  const own = scored.logprobs[prompt.ids.length - 1 + end];
  assert(Math.abs(longer.logprobs[end] - own) < F32_LOGPROB, `${longer.logprobs[end]}, ${own}`);
  await assertRejects(() => model.complete([1], { minTokens: -1 }), RangeError, "minTokens");
  await assertRejects(() => model.complete([1], { think: 1.5 }), RangeError, "think is 1.5");
});
