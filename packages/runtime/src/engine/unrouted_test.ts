/** Tests that a row whose gate's scores are not finite ends its own sequence, with the layer's number, and changes no other. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ModelSpec,
  modelSpec,
  withFolder,
  withTensor,
  writeModel,
} from "../../../../tests/support/edited_model.ts";
import { FixtureModel } from "../../../../tests/support/fixture_model.ts";
import { ModelError } from "../errors.ts";
import type { Draw } from "../ops.ts";
import { Decoder, type DrawnToken } from "./decoder.ts";
import { RoutingRecord } from "./routing_record.ts";
import { Scheduler } from "./scheduler.ts";
import { scoreTokens } from "./reading/score.ts";
import type { Drafter } from "./speculation/drafts.ts";
import { StepSize } from "./step_size.ts";

const BAD = 7;
const [GOOD, OTHER] = [3, 5].map((step) => Array.from({ length: 47 }, (_, i) => 10 + i * step));

/** The tensor with some of its numbers changed; rows have `cols` of them. */
function changed(
  spec: ModelSpec,
  name: string,
  change: (numbers: Float32Array, cols: number) => void,
): ModelSpec {
  return withTensor(spec, name, (tensor) => {
    const numbers = new Float32Array((tensor.data ?? new Uint8Array()).slice().buffer);
    change(numbers, Number(tensor.dims[0]));
    return { ...tensor, data: new Uint8Array(numbers.buffer) };
  });
}

/** A model of which layer 1's gate overflows where `BAD` is read: only its embedding has a first number, and no block adds one. */
async function overflowing(): Promise<ModelSpec> {
  const spec = await modelSpec("models/deepseek_v3/gguf/model-F32.gguf");
  const embedded = changed(spec, "token_embd.weight", (numbers, cols) => {
    for (let at = 0; at < numbers.length; at += cols) numbers[at] = 0;
    numbers[BAD * cols] = 100;
  });
  const silent = ["blk.0.attn_output", "blk.0.ffn_down", "blk.1.attn_output"].reduce(
    (spec, name) => changed(spec, `${name}.weight`, (numbers, cols) => numbers.fill(0, 0, cols)),
    embedded,
  );
  const normed = changed(silent, "blk.1.ffn_norm.weight", (gains) => void (gains[0] = 4));
  return changed(normed, "blk.1.ffn_gate_inp.weight", (numbers) => void (numbers[0] = 3.3e38));
}

function draw(position: number): Draw {
  return { temperature: 0, topK: 0, topP: 1, minP: 0, seed: [0, 0], choice: 0, position };
}

type Run = (scheduler: Scheduler, open: FixtureModel) => Promise<void>;

async function opened(run: Run): Promise<void> {
  const spec = await overflowing();
  await withFolder(async (folder) => {
    await using open = await FixtureModel.open(writeModel(folder, spec));
    const decoder = new Decoder(open.model, open.backend.ops, 512);
    const cache = open.backend.createCache(open.model.kvShape("f32"), Infinity);
    await run(new Scheduler(decoder, cache, new StepSize(Infinity)), open);
  });
}

/** Three tokens after a prompt. */
async function answer(
  scheduler: Scheduler,
  prompt: readonly number[],
  drafter?: Drafter,
): Promise<DrawnToken[]> {
  const running = scheduler.open();
  const tokens: DrawnToken[] = [];
  const options = drafter ? { drafter, mostDrafts: 4 } : {};
  try {
    for (let ids = prompt; tokens.length < 3; ids = [tokens[tokens.length - 1].id]) {
      const next = draw(prompt.length + tokens.length);
      tokens.push(await scheduler.advance(running, ids, next, options));
    }
    return tokens;
  } finally {
    scheduler.close(running);
  }
}

const refused = (run: Promise<unknown>, position: number) =>
  assertRejects(
    () => run,
    ModelError,
    `The gate of layer 1 computed a score that is not finite at position ${position}`,
  );

Deno.test("Scheduler: sequences of a step in which a gate overflows for another draw what they draw alone", () =>
  opened(async (scheduler) => {
    const alone = [await answer(scheduler, GOOD), await answer(scheduler, OTHER)];
    scheduler.forget();
    const { usedPages } = scheduler.cache;
    const [one, , two] = await Promise.all([
      answer(scheduler, GOOD),
      refused(answer(scheduler, [BAD]), 0),
      answer(scheduler, OTHER),
      refused(answer(scheduler, [...GOOD.slice(0, 9), BAD, 60]), 9),
    ]);
    assertEquals([one, two], alone);
    scheduler.forget();
    assertEquals(scheduler.cache.usedPages, usedPages);
  }));

Deno.test("Scheduler: nobody begins with the pages of a prompt for which a gate overflowed", () =>
  opened(async (scheduler) => {
    const alone = await answer(scheduler, [...GOOD, 60]);
    scheduler.forget();
    const long = [...GOOD, BAD, ...Array(300).fill(9)]; // more than one step feeds
    await refused(answer(scheduler, long), GOOD.length);
    assertEquals(scheduler.keptPages, 0);
    assertEquals(await answer(scheduler, [...GOOD, 60]), alone);
  }));

Deno.test("Scheduler: a guess for which a gate overflows ends no sequence", () =>
  opened(async (scheduler) => {
    const alone = [await answer(scheduler, GOOD), await answer(scheduler, OTHER)];
    scheduler.forget();
    let guesses = 0;
    const drafter: Drafter = {
      draft: () => {
        guesses++;
        return { ids: [BAD], draws: [draw(GOOD.length + 2)] };
      },
      checked: () => {},
    };
    const both = [answer(scheduler, GOOD, drafter), answer(scheduler, OTHER)];
    assertEquals(await Promise.all(both), alone);
    assert(guesses === 1, `${guesses} guesses`);
  }));

Deno.test("scoreTokens: the gate that overflows is named, and for which token", () =>
  opened(async (scheduler, open) => {
    const { decoder } = scheduler;
    const cache = open.cache();
    const score = (ids: readonly number[], routing?: RoutingRecord) =>
      scoreTokens(decoder, cache, ids, new StepSize(Infinity), { routing });
    const scores = await score(GOOD);
    await refused(score([...GOOD, BAD, 60, 61]), GOOD.length);
    await refused(score([BAD, 60], new RoutingRecord(decoder.ops)), 0);
    assertEquals(cache.usedPages, 0);
    assertEquals(await score(GOOD), scores);
  }));
