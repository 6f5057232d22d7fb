/** An engine whose steps are counted, and answers of it with and without checked drafts. */
import { assert, assertEquals } from "@std/assert";
import { Decoder, type DrawnToken, type Feed } from "../../packages/runtime/src/engine/decoder.ts";
import {
  generate,
  type GenerationEnd,
  type Generator,
} from "../../packages/runtime/src/engine/generate.ts";
import { Scheduler } from "../../packages/runtime/src/engine/scheduler.ts";
import { StepSize } from "../../packages/runtime/src/engine/step_size.ts";
import type { GenerateOptions } from "../../packages/runtime/src/events.ts";
import type { KvCache } from "../../packages/runtime/src/kv_cache.ts";
import { FixtureModel } from "./fixture_model.ts";

/** All but these tokens are rare, so that pairs of them come again, and go on as before or not. */
export const FEW = { 5: 60, 6: 60, 7: 60, 8: 58 };
/** Holds pairs that come again. */
export const PROMPT: readonly number[] = [1, 5, 6, 7, 8, 5, 6, 8, 2];

/** Counts steps. */
export class WatchedDecoder extends Decoder {
  steps = 0;
  /** Most tokens that a sequence has held. */
  longest = 0;
  onStep: () => void = () => {};

  override step(cache: KvCache, feeds: readonly Feed[]): Promise<DrawnToken[]> {
    this.steps++;
    for (const { sequence, ids } of feeds) {
      this.longest = Math.max(this.longest, sequence.length + ids.length);
    }
    this.onStep();
    return super.step(cache, feeds);
  }
}

/** Steps of one size. */
export class FixedSize extends StepSize {
  constructor(private readonly fixedRows: number) {
    super(Infinity);
  }

  override get rows(): number {
    return this.fixedRows;
  }
}

/** An engine over one model file. */
export interface Engine {
  readonly decoder: WatchedDecoder;
  readonly scheduler: Scheduler;
}

/** How to open it. */
export interface EngineOptions {
  /** Path of the model file. */
  readonly file: string;
  readonly contextTokens?: number;
  readonly pages?: number;
  /** Tokens of prompts that a step takes. */
  readonly rows?: number;
  /** What a guess of the model's own layer is said to cost; default: as its size is. */
  readonly guessCost?: number;
}

/** Runs over a fresh engine, which is closed at the end. */
export async function withEngine(
  run: (engine: Engine) => Promise<void>,
  { file, contextTokens = 512, pages = Infinity, rows, guessCost }: EngineOptions,
): Promise<void> {
  await using open = await FixtureModel.open(file);
  const { multiToken } = open.model;
  const model = multiToken && guessCost !== undefined
    ? { ...open.model, multiToken: { ...multiToken, cost: guessCost } }
    : open.model;
  const decoder = new WatchedDecoder(model, open.backend.ops, contextTokens);
  const cache = open.backend.createCache(open.model.kvShape("f32"), pages);
  const stepSize = rows === undefined ? new StepSize(Infinity) : new FixedSize(rows);
  await run({ decoder, scheduler: new Scheduler(decoder, cache, stepSize) });
}

/** A generator's guide that forces the tokens which `next` gives. */
export function forcingGuide(next: () => number | undefined): Pick<Generator, "guide"> {
  return { guide: { next: () => ({ forced: next() }), takes: () => true } };
}

/** What came of a prompt. */
export interface Answer {
  readonly tokens: DrawnToken[];
  readonly end: GenerationEnd;
}

/** @param readTokens the reader stops with its token of this number */
export async function answer(
  { scheduler }: Engine,
  options: GenerateOptions,
  { prompt = PROMPT, readTokens = Infinity, ...more }:
    & { prompt?: readonly number[]; readTokens?: number }
    & Partial<Generator> = {},
): Promise<Answer> {
  const generator: Generator = { scheduler, endIds: new Set(), defaults: {}, ...more };
  const run = generate(generator, prompt, options);
  const tokens: DrawnToken[] = [];
  for (;;) {
    const { value, done } = await run.next(tokens.length >= readTokens);
    if (done) return { tokens, end: value };
    tokens.push(value);
  }
}

/** Both ways in turn; fails where they differ. Gives the accepted drafts. */
export async function checkSame(
  engine: Engine,
  options: GenerateOptions,
  more: () => Parameters<typeof answer>[2] = () => ({}),
): Promise<{ accepted: number; rejected: number; tokens: DrawnToken[] }> {
  const fresh = { reusePrefix: false, ...options };
  const plain = await answer(engine, { ...fresh, speculation: "off" }, more());
  const plainSteps = engine.decoder.steps;
  const drafted = await answer(engine, fresh, more());
  assertEquals(drafted.tokens, plain.tokens);
  assertEquals(drafted.end.finishReason, plain.end.finishReason);
  const { draftedTokens, acceptedTokens } = drafted.end.timings;
  assertEquals([plain.end.timings.draftedTokens, plain.end.timings.acceptedTokens], [0, 0]);
  assert(acceptedTokens <= draftedTokens);
  assert(engine.decoder.steps - plainSteps <= plainSteps);
  return {
    accepted: acceptedTokens,
    rejected: draftedTokens - acceptedTokens,
    tokens: plain.tokens,
  };
}
