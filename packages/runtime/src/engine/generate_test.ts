/** Tests of the token loop: limits, end tokens, what it returns, and that it frees the cache however it ends. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { FixtureModel } from "../../../../tests/support/fixture_model.ts";
import { Decoder, type DrawnToken } from "./decoder.ts";
import { ContextFullError } from "../errors.ts";
import type { GenerateOptions } from "../events.ts";
import { generate, type GenerationEnd, type Generator } from "./generate.ts";
import { Scheduler } from "./scheduler.ts";
import { scoreTokens } from "./reading/score.ts";
import { StepSize } from "./step_size.ts";

const FILE = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const PROMPT = [1, 2, 3];
const GREEDY: GenerateOptions = { temperature: 0, reusePrefix: false };

async function opened(
  run: (generator: Generator) => Promise<void>,
  { contextTokens = 512, endIds = new Set<number>() } = {},
): Promise<void> {
  await using open = await FixtureModel.open(FILE);
  const decoder = new Decoder(open.model, open.backend.ops, contextTokens);
  const scheduler = new Scheduler(decoder, open.cache(), new StepSize(250));
  await run({ scheduler, endIds, defaults: {} });
  assertEquals(scheduler.cache.usedPages, 0);
}

async function all(
  generator: Generator,
  options: GenerateOptions,
  prompt: readonly number[] = PROMPT,
): Promise<{ ids: number[]; logprobs: number[]; end: GenerationEnd }> {
  const tokens = generate(generator, prompt, options);
  const ids: number[] = [];
  const logprobs: number[] = [];
  for (;;) {
    const { value, done } = await tokens.next();
    if (done) return { ids, logprobs, end: value };
    ids.push(value.id);
    logprobs.push(value.logprob);
  }
}

Deno.test("generate: ends at maxTokens, or when the context is full", () =>
  opened(async (generator) => {
    const { ids, end } = await all(generator, { ...GREEDY, maxTokens: 5 });
    assertEquals([ids.length, end.finishReason], [5, "length"]);
    for (const maxTokens of [undefined, 100, Infinity]) {
      const full = await all(generator, { ...GREEDY, maxTokens });
      assertEquals([full.ids.length, full.end.finishReason], [37, "length"]);
      assertEquals(full.ids.slice(0, 5), ids);
    }
  }, { contextTokens: 40 }));

Deno.test("generate: ends before an end token, unless told to go on", async () => {
  let ids: number[] = [];
  await opened(async (generator) => {
    ({ ids } = await all(generator, { ...GREEDY, maxTokens: 20 }));
  });
  const at = 6;
  assert(!ids.slice(0, at).includes(ids[at]));
  await opened(async (generator) => {
    const stopped = await all(generator, { ...GREEDY, maxTokens: 20 });
    assertEquals([stopped.ids, stopped.end.finishReason], [ids.slice(0, at), "stop"]);
    assertEquals(stopped.end.timings.generatedTokens, at);
    const on = await all(generator, { ...GREEDY, maxTokens: 20, ignoreEnd: true });
    assertEquals([on.ids, on.end.finishReason], [ids, "length"]);
  }, { endIds: new Set([ids[at]]) });
  await opened(async (generator) => {
    const { ids: none, end } = await all(generator, GREEDY);
    assertEquals([none, end.finishReason], [[], "stop"]);
    assert(end.timings.promptTokensPerSecond > 0 && end.timings.timeToFirstTokenMs > 0);
  }, { endIds: new Set([ids[0]]) });
});

Deno.test("generate: log-probabilities are of the raw logits, whatever the temperature", () =>
  opened(async (generator) => {
    const cold = await all(generator, { ...GREEDY, maxTokens: 1 });
    const hot = await all(generator, {
      ...GREEDY,
      temperature: 2,
      topK: 1,
      maxTokens: 1,
    });
    assertEquals(hot, { ...cold, end: hot.end });
    const { decoder, cache } = generator.scheduler;
    const scored = await scoreTokens(decoder, cache, [...PROMPT, ...cold.ids], new StepSize(250));
    assertEquals(scored.at(-1), cold.logprobs[0]);
  }));

Deno.test("generate: penalties and bias change the tokens, alternatives are of the raw logits", () =>
  opened(async (generator) => {
    const options = { ...GREEDY, maxTokens: 30, topLogprobs: 3 };
    const tokensOf = async (more: GenerateOptions) => {
      const tokens: DrawnToken[] = [];
      for await (const token of generate(generator, PROMPT, { ...options, ...more })) {
        tokens.push(token);
      }
      return tokens;
    };
    const plain = await tokensOf({});
    for (const { id, logprob, alternatives } of plain) {
      assertEquals([alternatives?.length, alternatives?.[0]], [3, { id, logprob }]);
    }
    const ids = (tokens: readonly DrawnToken[]) => tokens.map(({ id }) => id);
    const distinct = (tokens: readonly DrawnToken[]) => new Set(ids(tokens)).size;
    const strong = [{ repeatPenalty: 100, repeatLastTokens: Infinity }, { frequencyPenalty: 2 }];
    for (const more of [...strong, { presencePenalty: 2 }]) {
      const tokens = await tokensOf(more);
      assert(distinct(tokens) > distinct(plain), JSON.stringify(more));
      assertEquals(
        tokens[0].logprob,
        tokens[0].alternatives?.find((t) => t.id === tokens[0].id)?.logprob,
      );
    }
    const banned = await tokensOf({ logitBias: { [plain[0].id]: -Infinity } });
    assert(!ids(banned).includes(plain[0].id));
    assertEquals(banned[0].alternatives, plain[0].alternatives);
    assertEquals(banned[0].id, plain[0].alternatives?.[1].id);
    assertEquals(new Set(ids(await tokensOf({ logitBias: { 7: 100 } }))), new Set([7]));
  }));

Deno.test("generate: without any draw all times and rates are 0", () =>
  opened(async (generator) => {
    const { ids, end } = await all(generator, { maxTokens: 0 });
    assertEquals(ids, []);
    assertEquals(end, {
      finishReason: "length",
      cachedPromptTokens: 0,
      timings: {
        promptTokens: 3,
        promptTokensPerSecond: 0,
        timeToFirstTokenMs: 0,
        generatedTokens: 0,
        tokensPerSecond: 0,
        draftedTokens: 0,
        acceptedTokens: 0,
      },
    });
  }));

Deno.test("generate: pages are freed after an error, an abort and an early return", () =>
  opened(async (generator) => {
    const { cache } = generator.scheduler;
    const abort = new AbortController();
    const tokens = generate(generator, PROMPT, { ...GREEDY, signal: abort.signal });
    await tokens.next();
    assertEquals(cache.usedPages, 1);
    abort.abort(new Error("enough"));
    await assertRejects(() => tokens.next(), Error, "enough");
    assertEquals(cache.usedPages, 0);
    const left = generate(generator, PROMPT, GREEDY);
    await left.next();
    await left.return(undefined as never);
    assertEquals(cache.usedPages, 0);
    await assertRejects(() => all(generator, GREEDY, [1, 999]), RangeError, "Token id 999");
    await assertRejects(() => all(generator, GREEDY, []), RangeError, "empty prompt");
  }));

Deno.test("generate: a prompt that leaves no room has both numbers in its error", () =>
  opened(async (generator) => {
    const cases: [number, string][] = [[10, "leaves no room for an answer in"], [
      11,
      "does not fit",
    ]];
    for (const [length, part] of cases) {
      const prompt = Array<number>(length).fill(1);
      const error = await assertRejects(() => all(generator, { maxTokens: 0 }, prompt));
      assert(error instanceof ContextFullError);
      assertEquals([error.usedTokens, error.limitTokens], [length, 10]);
      assert(error.message.startsWith(`The prompt of ${length} tokens ${part} the context of 10`));
    }
  }, { contextTokens: 10 }));

Deno.test("generate: a full context slides where it is asked to, as if the shortened text were the prompt", () =>
  opened(async (generator) => {
    const slide: GenerateOptions = { ...GREEDY, onFullContext: "slide", keepTokens: 2 };
    const { ids, end } = await all(generator, { ...slide, maxTokens: 100 });
    assertEquals([ids.length, end.finishReason], [100, "length"]);
    const text = [...PROMPT, ...ids];
    // full at 40 tokens: 2 stay and the newest 19 of the other 38, then the one that did not fit
    const first = [...text.slice(0, 2), ...text.slice(21, 41)];
    assertEquals(
      (await all(generator, { ...GREEDY, maxTokens: 18 }, first)).ids,
      text.slice(41, 59),
    );
    const wrong = { ...slide, keepTokens: -1 };
    await assertRejects(() => all(generator, wrong), RangeError, "keepTokens is -1");
  }, { contextTokens: 40 }));

Deno.test("generate: the random number of a token belongs to (seed, choice, index of the token)", () =>
  opened(async (generator) => {
    const { decoder, cache } = generator.scheduler;
    const asked = { ...GREEDY, temperature: 100, seed: 2 ** 32 + 3, choice: 2, maxTokens: 4 };
    const { ids } = await all(generator, asked);
    const sequence = cache.create();
    let next: readonly number[] = PROMPT;
    for (const id of ids) {
      const position = sequence.length + next.length;
      const shape = { temperature: 100, topK: 0, topP: 1, minP: 0 };
      const draw = { ...shape, seed: [3, 1], choice: 2, position } as const;
      const [drawn] = await decoder.step(cache, [{ sequence, ids: next, draws: [draw] }]);
      assertEquals(drawn.id, id);
      next = [id];
    }
    cache.free(sequence);
  }));
