/** Requests that are cancelled at any moment: no page of the cache is lost, and who is not cancelled gets its tokens. */
import { assert, assertEquals } from "@std/assert";
import { Decoder, type DrawnToken, type Feed } from "../../packages/runtime/src/engine/decoder.ts";
import { generate } from "../../packages/runtime/src/engine/generate.ts";
import { Scheduler } from "../../packages/runtime/src/engine/scheduler.ts";
import { StepSize } from "../../packages/runtime/src/engine/step_size.ts";
import type { GenerateOptions } from "../../packages/runtime/src/events.ts";
import type { KvCache } from "../../packages/runtime/src/kv_cache.ts";
import { fixturePath } from "../support/fixture.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import { seededRandom } from "../support/seeded_random.ts";

const CONTEXT = 256;
const CANCELS = 500;
/** About five sequences of the length that these have. */
const PAGES = 16;

/** Calls back before each step. */
class SteppedDecoder extends Decoder {
  onStep: () => void = () => {};

  override step(cache: KvCache, feeds: readonly Feed[]): Promise<DrawnToken[]> {
    this.onStep();
    return super.step(cache, feeds);
  }
}

/** How a request ends early: before it begins, at a step of the model, by its reader after a token, or not at all. */
type Cancel = "before" | "step" | "reader" | "left" | "never";
const WAYS: readonly Cancel[] = ["before", "step", "step", "step", "reader", "left", "never"];

class Requests {
  readonly random = seededRandom(77);
  readonly steps: (() => void)[] = [];
  /** Conversations so far: prompts and answers that later requests go on from. */
  readonly histories: number[][] = [];
  cancelled = 0;

  constructor(readonly scheduler: Scheduler, readonly alone: Scheduler) {}

  /** Fresh tokens, tokens with a known beginning, a conversation that goes on, a part of one. */
  prompt(): number[] {
    const fresh = Array.from({ length: 1 + this.random(70) }, () => this.random(380));
    const known = this.histories[this.random(Math.max(1, this.histories.length))] ?? [];
    const kind = known.length > 0 ? this.random(4) : 0;
    if (kind === 0) return fresh;
    const part = known.slice(0, kind === 2 ? known.length : 1 + this.random(known.length));
    return (kind === 3 ? part : [...part, ...fresh]).slice(0, 160);
  }

  async run(): Promise<void> {
    const cancel = WAYS[this.random(WAYS.length)];
    const prompt = this.prompt();
    const abort = new AbortController();
    const options: GenerateOptions = {
      ...{ temperature: 1, seed: 5, ignoreEnd: true, maxTokens: 3 + this.random(10) },
      ...{ reusePrefix: this.random(5) > 0, signal: abort.signal },
    };
    const left = this.random(8);
    const stop = () => abort.abort("cancelled");
    if (cancel === "before") stop();
    if (cancel === "step") this.steps[left] = chained(this.steps[left], stop);
    const ids: number[] = [];
    try {
      for await (const id of tokens(this.scheduler, prompt, options)) {
        ids.push(id);
        if (cancel === "reader" && ids.length > left) stop();
        if (cancel === "left" && ids.length > left) break;
      }
    } catch (error) {
      assertEquals(error, "cancelled");
    }
    if (abort.signal.aborted || cancel === "left") this.cancelled++;
    const signal = undefined;
    const expected: number[] = [];
    for await (const id of tokens(this.alone, prompt, { ...options, signal, reusePrefix: false })) {
      expected.push(id);
      if (expected.length >= ids.length) break;
    }
    assertEquals(ids, ids.length === 0 ? [] : expected);
    if (cancel === "never") assertEquals(ids.length, options.maxTokens);
    this.histories[this.random(20)] = [...prompt, ...ids];
  }
}

function chained(first: (() => void) | undefined, second: () => void): () => void {
  return () => {
    first?.();
    second();
  };
}

async function* tokens(
  scheduler: Scheduler,
  prompt: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<number> {
  const generator = { scheduler, endIds: new Set<number>(), defaults: {} };
  for await (const { id } of generate(generator, prompt, options)) yield id;
}

Deno.test("cancel: after 500 cancels at any moment every page is free or kept, and after forgetting all are free", async () => {
  await using open = await FixtureModel.open(
    fixturePath("models/llama_untied/gguf/model-F32.gguf"),
  );
  const decoder = new SteppedDecoder(open.model, open.backend.ops, CONTEXT);
  const cacheOf = (pages?: number) => open.backend.createCache(open.model.kvShape("f32"), pages);
  const cache = cacheOf(PAGES);
  // Steps of a few rows: prompts take several, so that they are cancelled in the middle.
  const scheduler = new Scheduler(decoder, cache, new StepSize(1e-6));
  const reference = new Decoder(open.model, open.backend.ops, CONTEXT);
  const alone = new Scheduler(reference, cacheOf(), new StepSize(Infinity));
  const requests = new Requests(scheduler, alone);
  decoder.onStep = () => requests.steps.shift()?.();
  let keptPages = 0;
  while (requests.cancelled < CANCELS) {
    requests.steps.length = 0;
    const atOnce = 1 + requests.random(6);
    await Promise.all(Array.from({ length: atOnce }, () => requests.run()));
    assertEquals(cache.usedPages, scheduler.keptPages);
    keptPages = Math.max(keptPages, cache.usedPages);
    if (requests.random(10) === 0) scheduler.forget();
  }
  assert(keptPages > PAGES / 2, `${keptPages} pages were kept at most`);
  scheduler.forget();
  assertEquals([cache.usedPages, scheduler.keptPages], [0, 0]);
});
