/** Tests of a growing completion: where it ends, and which ids are forced. */
import { assertEquals } from "@std/assert";
import type { ForcedEnd } from "./rollout_request.ts";
import { DRAWN, RunningRollout } from "./running_rollout.ts";

const END = 9;
const PLACE = {
  ...{ prompt: 0, index: 0, lastOfPrompt: 4, seed: { seed: [0, 0], choice: 0 } as const },
  sequence: { pages: [], length: 0 },
};

/** A completion of at most 8 tokens that takes what is forced, and else the next of `drawn`. */
function grown(drawn: readonly number[], force?: ForcedEnd): RunningRollout {
  const one = new RunningRollout(PLACE, 8, new Set([END]), force);
  const left = [...drawn];
  while (!one.hasEnded && left.length > 0) {
    const forced = one.nextForced();
    one.push(forced === DRAWN ? left.shift() as number : forced, -one.length);
  }
  return one;
}

Deno.test("RunningRollout: feeds the prompt's last token first, then what was drawn", () => {
  assertEquals([grown([]).newest, grown([5, 6]).newest], [4, 6]);
});

Deno.test("RunningRollout: an end token is a part of it, the limit cuts it", () => {
  const ended = grown([1, 2, END, 3]);
  assertEquals(ended.rollout, {
    ids: Int32Array.of(1, 2, END),
    logps: Float32Array.of(-0, -1, -2),
    isFinished: true,
  });
  const cut = grown([1, 2, 3, 4, 5, 6, 7, 8, 1, 1]);
  assertEquals([cut.hasEnded, cut.rollout.isFinished, cut.rollout.ids.length], [true, false, 8]);
  assertEquals(grown([1, 2, 3, 4, 5, 6, 7, END]).rollout.isFinished, true);
});

Deno.test("RunningRollout: forces the end of what has not ended in time", () => {
  const idsOf = (
    drawn: readonly number[],
    force: ForcedEnd,
  ) => [...grown(drawn, force).rollout.ids];
  const force = { after: 3, ids: [7, 8] };
  assertEquals(idsOf([1, 2, 3, 4, END], force), [1, 2, 3, 7, 8, 4, END]);
  assertEquals(idsOf([1, 7, 3, 4, END], force), [1, 7, 3, 4, END], "it has come by itself");
  assertEquals(idsOf([1, END], force), [1, END]);
  assertEquals(idsOf([1, END], { after: 0, ids: [7, 8] }), [7, 8, 1, END]);
  assertEquals(idsOf([1, 2, 3, 4], { after: 3, ids: [END] }), [1, 2, 3, END]);
});

Deno.test("RunningRollout: of a tag that has begun only the rest is forced", () => {
  const force = { after: 3, ids: [6, 7, 8, 5], closing: [6, 7, 8] };
  const idsOf = (drawn: readonly number[]) => [...grown(drawn, force).rollout.ids];
  assertEquals(idsOf([1, 6, 7, 2, END]), [1, 6, 7, 8, 5, 2, END]);
  assertEquals(idsOf([6, 7, 8, 2, END]), [6, 7, 8, 2, END]);
  assertEquals(idsOf([6, 7, 1, 2, END]), [6, 7, 1, 6, 7, 8, 5, 2]);
});
