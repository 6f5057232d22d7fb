/** Tests of token_counts.ts: kept counts are those of counting anew. */
import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { TokenCounts } from "./token_counts.ts";

function counted(ids: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function sorted(counts: ReadonlyMap<number, number>): [number, number][] {
  return [...counts].sort(([a], [b]) => a - b);
}

Deno.test("TokenCounts: whatever is appended or cut, the counts are those of the whole history", () => {
  const random = seededRandom(8);
  for (const window of [0, 1, 5, 64, Infinity]) {
    for (const promptLength of [0, 1, 7, 100]) {
      const counts = new TokenCounts(window);
      let history = Array.from({ length: promptLength }, () => random(9));
      for (let step = 0; step < 150; step++) {
        if (step === 90) history = history.slice(0, promptLength + 20);
        counts.update(history, promptLength);
        const recent = history.slice(Math.max(0, history.length - window));
        assertEquals(sorted(counts.recent), sorted(counted(recent)), `${window} ${promptLength}`);
        assertEquals(sorted(counts.answered), sorted(counted(history.slice(promptLength))));
        for (let i = random(3); i > 0; i--) history.push(random(9));
      }
    }
  }
});

Deno.test("TokenCounts.copy: goes on by itself", () => {
  for (const window of [0, 2, 64]) {
    const counts = new TokenCounts(window);
    counts.update([1, 2, 2, 3], 1);
    const before = [sorted(counts.recent), sorted(counts.answered)];
    const copy = counts.copy();
    copy.update([1, 2, 2, 3, 2, 4], 1);
    assertEquals([sorted(counts.recent), sorted(counts.answered)], before);
    const whole = new TokenCounts(window);
    whole.update([1, 2, 2, 3, 2, 4], 1);
    assertEquals([sorted(copy.recent), sorted(copy.answered)], [
      sorted(whole.recent),
      sorted(whole.answered),
    ]);
    counts.update([1, 2, 2, 3, 5], 1);
    assertEquals(sorted(counts.answered), [[2, 2], [3, 1], [5, 1]]);
  }
});
