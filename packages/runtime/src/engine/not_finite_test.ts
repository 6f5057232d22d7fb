/** Tests that a sequence which is not finite spoils no other: prompts after it, beside it, and its own without a wrong guess. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { withFolder, writeModel } from "../../../../tests/support/edited_model.ts";
import { FixtureModel } from "../../../../tests/support/fixture_model.ts";
import { BAD, overflowing } from "../../../../tests/support/overflowing_model.ts";
import { ModelError } from "../errors.ts";
import type { Draw } from "../ops.ts";
import { Decoder } from "./decoder.ts";
import { Scheduler } from "./scheduler.ts";
import type { Drafter } from "./speculation/drafts.ts";
import { StepSize } from "./step_size.ts";

/** So many that the tokens before `BAD` are attended to in one go with it. */
const GOOD = Array.from({ length: 47 }, (_, i) => 10 + i * 3);

function draw(position: number): Draw {
  return { temperature: 0, topK: 0, topP: 1, minP: 0, seed: [0, 0], choice: 0, position };
}

type Run = (scheduler: Scheduler) => Promise<void>;

async function opened(run: Run): Promise<void> {
  const spec = await overflowing();
  await withFolder(async (folder) => {
    await using open = await FixtureModel.open(writeModel(folder, spec));
    const decoder = new Decoder(open.model, open.backend.ops, 512);
    const cache = open.backend.createCache(open.model.kvShape("f32"), Infinity);
    await run(new Scheduler(decoder, cache, new StepSize(Infinity)));
  });
}

async function next(scheduler: Scheduler, ids: readonly number[], drafter?: Drafter) {
  const running = scheduler.open();
  try {
    const [last] = ids.slice(-1);
    await scheduler.advance(running, ids.slice(0, -1), draw(ids.length - 1));
    const options = drafter ? { drafter, mostDrafts: 4 } : {};
    return (await scheduler.advance(running, [last], draw(ids.length), options)).id;
  } finally {
    scheduler.close(running);
  }
}

const refused = (run: Promise<unknown>) => assertRejects(() => run, ModelError, "not finite");

Deno.test("Scheduler: after a prompt that is not finite one that begins alike draws its own token", () =>
  opened(async (scheduler) => {
    const expected = await next(scheduler, [...GOOD, 60]);
    scheduler.forget();
    await refused(next(scheduler, [...GOOD, BAD, 60]));
    assertEquals(scheduler.keptPages, 0);
    assertEquals(await next(scheduler, [...GOOD, 60]), expected);
  }));

Deno.test("Scheduler: beside a long prompt that is not finite one that begins alike draws its own token", () =>
  opened(async (scheduler) => {
    const expected = await next(scheduler, [...GOOD, 60]);
    scheduler.forget();
    const long = [...GOOD, BAD, ...Array(300).fill(9)]; // more than one step feeds
    const [, id] = await Promise.all([
      refused(next(scheduler, long)),
      next(scheduler, [...GOOD, 60]),
    ]);
    assertEquals(id, expected);
  }));

Deno.test("Scheduler: a prompt closed while a step finds it not finite is not kept", () =>
  opened(async (scheduler) => {
    const expected = await next(scheduler, [...GOOD, 60]);
    scheduler.forget();
    const running = scheduler.open();
    const { decoder } = scheduler;
    const step = decoder.step.bind(decoder);
    decoder.step = (...args) => {
      const drawn = step(...args);
      scheduler.close(running);
      decoder.step = step;
      return drawn;
    };
    scheduler.advance(running, [...GOOD, BAD], draw(GOOD.length + 1)).catch(() => {});
    assertEquals(await next(scheduler, [...GOOD, 60]), expected);
  }));

Deno.test("Scheduler: a guess that is not finite changes nothing", () =>
  opened(async (scheduler) => {
    const expected = await next(scheduler, [...GOOD, 60]);
    scheduler.forget();
    let guesses = 0;
    const drafter: Drafter = {
      draft: () => {
        guesses++;
        return { ids: [BAD], draws: [draw(GOOD.length + 2)] };
      },
      checked: () => {},
    };
    assertEquals(await next(scheduler, [...GOOD, 60], drafter), expected);
    assert(guesses === 1, `${guesses} guesses`);
  }));
