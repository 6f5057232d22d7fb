/** Tests of content_guide.ts in the token loop: masks and samplers, ends, limits, whatever else is asked for, and what throws.
 * Thoughts are tested in tests/e2e/constraint_test.ts. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BracketConstraint,
  type Brackets,
  isWhole,
} from "../../../../tests/support/bracket_constraint.ts";
import {
  answer,
  type Engine,
  type EngineOptions,
  withEngine,
} from "../../../../tests/support/counted_engine.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { ThinkingBudget } from "../answer/thinking_budget.ts";
import type { GenerateOptions, TokenConstraint } from "../events.ts";
import { type ContentForm, ContentGuide } from "./content_guide.ts";
import { scoreTokens } from "./reading/score.ts";
import { StepSize } from "./step_size.ts";

const FILE = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const VOCABULARY = 384;
const BRACKETS: Brackets = { open: 40, deep: 41, item: 300, close: 31 };
const END = 33;
const PROMPT = [1, 2, 3];
const RANDOM: GenerateOptions = { temperature: 3, topP: 1, reusePrefix: false };

function opened(run: (engine: Engine) => Promise<void>, options: Partial<EngineOptions> = {}) {
  return withEngine(run, { file: FILE, ...options });
}

function guideOf(constraint: TokenConstraint, more: Partial<ContentForm> = {}): ContentGuide {
  return new ContentGuide({
    ...{ constraint, vocabulary: VOCABULARY, endIds: new Set([END]), takesEnd: true },
    ...{ isThinking: () => false, budget: new ThinkingBudget(Infinity, []), thoughtClosing: [] },
    ...more,
  });
}

async function constrained(
  engine: Engine,
  options: GenerateOptions,
  constraint: TokenConstraint = new BracketConstraint(BRACKETS, VOCABULARY),
) {
  const guide = guideOf(constraint, { takesEnd: !options.ignoreEnd });
  const asked = { ...RANDOM, ...options, constraint };
  const { tokens, end } = await answer(engine, asked, {
    ...{ guide, endIds: new Set([END]), prompt: PROMPT },
  });
  return { ids: tokens.map(({ id }) => id), logprobs: tokens.map((t) => t.logprob), end };
}

/** The same tokens at every place. */
function anyOf(ids: readonly number[]): TokenConstraint {
  const mask = new Uint32Array(VOCABULARY / 32);
  for (const id of ids) mask[id >> 5] |= 1 << (id & 31);
  return {
    ...{ allowed: () => mask, accept: () => {}, closing: () => [] },
    ...{ mayEnd: false, isComplete: false },
  };
}

Deno.test("constraint: the content is whole at every limit that has room for it, and tokens come as without one until then", () =>
  opened(async (engine) => {
    const reasons = { stop: 0, length: 0 };
    let again = 0;
    for (let seed = 0; seed < 6; seed++) {
      const free = await constrained(engine, { seed, maxTokens: 60 });
      for (let maxTokens = 1; maxTokens <= 30; maxTokens++) {
        const before = engine.decoder.steps;
        const { ids, end } = await constrained(engine, { seed, maxTokens });
        again += engine.decoder.steps - before - ids.length;
        assertEquals(isWhole(ids, BRACKETS), maxTokens > 1, `${seed} ${maxTokens}: ${ids}`);
        assert(ids.length <= maxTokens);
        const isFree = free.end.finishReason === "stop" && free.ids.length < maxTokens;
        if (isFree) assertEquals([ids, end.finishReason], [free.ids, "stop"]);
        else assertEquals(end.finishReason, "length");
        const forced = ids.findIndex((id, i) => id !== free.ids[i]);
        if (forced >= 0) {
          assert(ids.slice(forced).every((id) => id === BRACKETS.close || forced === 0));
        }
        reasons[end.finishReason]++;
      }
    }
    assert(reasons.stop > 10 && reasons.length > 10, JSON.stringify(reasons));
    assert(again > 5, `${again} tokens were drawn again`);
  }));

Deno.test("constraint: log-probabilities are of the raw logits, also of forced tokens and of those drawn again", () =>
  opened(async (engine) => {
    for (let maxTokens = 4; maxTokens <= 12; maxTokens++) {
      const { ids, logprobs } = await constrained(engine, { seed: 5, maxTokens });
      const { decoder, scheduler: { cache } } = engine;
      const all = [...PROMPT, ...ids];
      const scored = await scoreTokens(decoder, cache, all, new StepSize(Infinity));
      assertEquals(logprobs, Array.from(scored.subarray(PROMPT.length - 1)));
    }
    assertEquals(engine.scheduler.occupancy().usedPages, 0);
  }));

Deno.test("constraint: draws as if all other tokens had a bias of -Infinity, whatever the sampler", () =>
  opened(async (engine) => {
    const few = [5, 77, 140, 141, 300, 383];
    const banned = Array.from({ length: VOCABULARY }, (_, id) => id).filter((id) =>
      !few.includes(id)
    );
    const logitBias = Object.fromEntries(banned.map((id) => [id, -Infinity]));
    const samplers: GenerateOptions[] = [
      ...[{ temperature: 0 }, {}, { topK: 2 }, { topP: 0.5 }, { minP: 0.4 }],
      { temperature: 0.6, topP: 0.95, repeatPenalty: 1.3, presencePenalty: 1, frequencyPenalty: 1 },
    ];
    for (const sampler of samplers) {
      const options = {
        ...RANDOM,
        maxTokens: 12,
        seed: 8,
        speculation: "off",
        ...sampler,
      } as const;
      const masked = await constrained(engine, options, anyOf(few));
      const { tokens } = await answer(engine, { ...options, logitBias }, { prompt: PROMPT });
      assertEquals(masked.ids, tokens.map(({ id }) => id), JSON.stringify(sampler));
      assertEquals(masked.logprobs, tokens.map(({ logprob }) => logprob));
    }
    const biased = { temperature: 0, maxTokens: 6, logitBias: { 140: 100, 9: 100 } };
    assertEquals((await constrained(engine, biased, anyOf(few))).ids, Array(6).fill(140));
    const any = { ...anyOf([]), allowed: () => undefined };
    const { ids } = await constrained(engine, { temperature: 0, maxTokens: 9 }, any);
    const plain = await answer(engine, { temperature: 0, maxTokens: 9 }, { prompt: PROMPT });
    assertEquals(ids, plain.tokens.map(({ id }) => id));
  }));

Deno.test("constraint: end tokens come only where the content may end, after minTokens, never with ignoreEnd", () =>
  opened(async (engine) => {
    const ends = { seed: 2, maxTokens: 40, logitBias: { [END]: 100, [BRACKETS.close]: 6 } };
    const endless = () => new BracketConstraint(BRACKETS, VOCABULARY, true);
    const short = await constrained(engine, ends, endless());
    assertEquals([isWhole(short.ids, BRACKETS), short.end.finishReason], [true, "stop"]);
    assertEquals(
      short.ids.filter((_, i) => isWhole(short.ids.slice(0, i + 1), BRACKETS)).length,
      1,
    );
    const minTokens = short.ids.length + 1;
    const later = await constrained(engine, { ...ends, minTokens }, endless());
    assert(later.ids.length >= minTokens && later.end.finishReason === "stop");
    assertEquals(isWhole(later.ids, BRACKETS), true);
    const never = await constrained(engine, { ...ends, ignoreEnd: true }, endless());
    assertEquals([isWhole(never.ids, BRACKETS), never.end.finishReason], [true, "length"]);
    assert(never.ids.length > short.ids.length);
    // a complete content ends all the same
    const one = { ...ends, minTokens: 40, ignoreEnd: true };
    const { ids, end } = await constrained(engine, one);
    assertEquals([isWhole(ids, BRACKETS), end.finishReason], [true, "stop"]);
  }));

Deno.test("constraint: the context is a limit too, but not where it slides", async () => {
  const contextTokens = 40;
  await opened(async (engine) => {
    for (let seed = 0; seed < 8; seed++) {
      const endless = () => new BracketConstraint(BRACKETS, VOCABULARY, true);
      const full = await constrained(engine, { seed, ignoreEnd: true }, endless());
      assertEquals([isWhole(full.ids, BRACKETS), full.end.finishReason], [true, "length"]);
      assert(PROMPT.length + full.ids.length <= contextTokens);
      const slid = { seed, maxTokens: 70, ignoreEnd: true, onFullContext: "slide" } as const;
      const { ids, end } = await constrained(engine, slid, endless());
      assertEquals([isWhole(ids, BRACKETS), end.finishReason], [true, "length"]);
      assert(ids.length > contextTokens);
    }
  }, { contextTokens });
});

Deno.test("constraint: guesses are off", () =>
  opened(async (engine) => {
    for (const speculation of ["auto", "lookup", "mtp"] as const) {
      const options = { temperature: 0, maxTokens: 30, speculation };
      const { ids, end } = await constrained(engine, options, anyOf([5]));
      assertEquals([ids, end.timings.draftedTokens], [Array(30).fill(5), 0]);
    }
  }));

Deno.test("constraint: what it throws ends its own sequence, and so do masks and ids of another vocabulary", () =>
  opened(async (engine) => {
    const failing = (part: Partial<TokenConstraint>) => ({ ...anyOf([5, 6]), ...part });
    const fail = () => {
      throw new Error("no more");
    };
    const complete = {
      ...anyOf([5, 6]),
      get isComplete(): boolean {
        return fail();
      },
    };
    const cases: [TokenConstraint, string][] = [
      [failing({ allowed: fail }), "no more"],
      [failing({ accept: fail }), "no more"],
      [failing({ closing: fail }), "no more"],
      [complete, "no more"],
      [failing({ allowed: () => new Uint32Array(13) }), "allows tokens by 13 words, 12 of"],
      [failing({ allowed: () => [1] as unknown as Uint32Array }), "allows tokens by 1 words"],
      [failing({ closing: () => [384, 384] }), "closes with the token id 384"],
      [failing({ closing: () => [0.5, 1] }), "closes with the token id 0.5"],
      [anyOf([]), "all are excluded, by the constraint, logit bias or as end tokens"],
      [anyOf([END]), "all are excluded, by the constraint"],
    ];
    const mate = { seed: 4, maxTokens: 20, ignoreEnd: true };
    const alone = await answer(engine, { ...RANDOM, ...mate }, { prompt: PROMPT });
    for (const [constraint, message] of cases) {
      const [other] = await Promise.all([
        answer(engine, { ...RANDOM, ...mate }, { prompt: PROMPT }),
        assertRejects(() => constrained(engine, { maxTokens: 2 }, constraint), Error, message),
      ]);
      assertEquals(other.tokens, alone.tokens);
    }
    assertEquals(engine.scheduler.occupancy().usedPages, 0);
  }));

Deno.test("constraint: a shorter mask leaves the rest of the vocabulary out", () =>
  opened(async (engine) => {
    const short = { ...anyOf([]), allowed: () => Uint32Array.of(32) };
    const { ids } = await constrained(engine, { maxTokens: 5 }, short);
    assertEquals(ids, Array(5).fill(5));
    let draws = 0;
    const later = { ...short, allowed: () => draws++ === 0 ? undefined : short.allowed() };
    const second = (await constrained(engine, { maxTokens: 9 }, later)).ids.slice(1);
    assertEquals(second, Array(8).fill(5));
  }));

Deno.test("ContentGuide: nobody asks for the closing far from the limit, and twice a token near it", () => {
  const constraint = new BracketConstraint(BRACKETS, VOCABULARY);
  const guide = guideOf(constraint);
  for (const tokensLeft of [Infinity, 5000, 1025]) {
    guide.next(tokensLeft);
    assert(guide.takes(BRACKETS.open, tokensLeft));
  }
  assertEquals(constraint.closings, 0);
  guide.next(1024);
  assert(guide.takes(BRACKETS.item, 1024));
  assertEquals(constraint.closings, 2);
});

Deno.test("ContentGuide: what lacks more than is left goes on unforced", () => {
  const constraint = new BracketConstraint(BRACKETS, VOCABULARY);
  const guide = guideOf(constraint);
  guide.next(1);
  assert(guide.takes(BRACKETS.deep, 1));
  assertEquals(guide.finishReason, undefined);
  assertEquals(guide.next(2).forced, undefined);
  assertThrows(() => guide.takes(999, 2), RangeError);
});
