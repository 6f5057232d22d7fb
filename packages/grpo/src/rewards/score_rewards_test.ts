/** Scoring by several functions: totals, problems with their rows, time limits, aborts. Uses no built-in reward. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Reward, RewardBatch, RewardFunction } from "./reward.ts";
import { scoreRows } from "./row_errors.ts";
import { scoreRewards } from "./score_rewards.ts";

const BATCH: RewardBatch = {
  prompts: ["p", "p", "q", "q"],
  completions: ["a", "bb", "ccc", "dddd"],
  completionIds: [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]],
  isFinished: [true, true, false, true],
  columns: { answer: ["x", "y", "z", null] },
  step: 3,
};

const reward = (name: string, score: RewardFunction, rest: Partial<Reward> = {}): Reward => ({
  name,
  score,
  ...rest,
});

Deno.test("scoreRewards: totals are weighted sums of what is not null", async () => {
  const scores = await scoreRewards([
    reward("first", () => [1, null, 0.5, null], { weight: 2 }),
    reward("second", () => Promise.resolve([null, 3, -1, null])),
    reward("typed", () => new Float64Array([0, 0, 1, 0]) as unknown as number[], { weight: 0.5 }),
  ], BATCH);
  assertEquals(scores.totals, [2, 3, 0.5, 0]);
  assertEquals(scores.values.first, [1, null, 0.5, null]);
  assertEquals(scores.problems, []);
});

Deno.test("scoreRewards: a row that no function can judge is null", async () => {
  const { totals } = await scoreRewards([
    reward("a", () => [null, 0, null, 1]),
    reward("b", () => [null, null, 0, null]),
  ], BATCH);
  assertEquals(totals, [null, 0, 0, 1]);
  assertEquals((await scoreRewards([], BATCH)).totals, [null, null, null, null]);
});

Deno.test("scoreRewards: an exception costs the function's rows, a row's exception that row, and both are named", async () => {
  const { values, totals, problems } = await scoreRewards([
    reward("throws", () => {
      throw new RangeError("no such file");
    }),
    reward("rejects", () => Promise.reject(Object.assign(new Error("bad"), { row: 2 }))),
    reward("rows", scoreRows(({ row, columns }) => (columns.answer as string).length + row)),
    reward(
      "late rows",
      scoreRows(({ row }) => row < 2 ? Promise.reject("oh") : Promise.resolve(row)),
    ),
  ], BATCH);
  assertEquals(values.throws, [null, null, null, null]);
  assertEquals(values.rejects, [null, null, null, null]);
  assertEquals(values.rows, [1, 2, 3, null]);
  assertEquals(values["late rows"], [null, null, 2, 3]);
  assertEquals(totals, [1, 2, 5, 3]);
  assertEquals(problems.map(({ reward, row }) => [reward, row]), [
    ["throws", undefined],
    ["rejects", 2],
    ["rows", 3],
    ["late rows", 0],
  ]);
  assertEquals(problems[0].message, "RangeError: no such file");
  assertStringIncludes(problems[2].message, "row 3: TypeError");
  assertEquals(problems[3].message, 'row 0: threw "oh" (and 1 other rows failed)');
});

Deno.test("scoreRewards: wrong lengths and values are named problems", async () => {
  const wrong = (value: unknown) => () => value as (number | null)[];
  const { values, problems } = await scoreRewards([
    reward("short", wrong([1, 2])),
    reward("nothing", wrong(undefined)),
    reward("text", wrong("1234")),
    reward("nan", wrong([1, NaN, Infinity, 0])),
    reward("holes", wrong([1, undefined, "2", true])),
    reward("large", wrong([1e308, 0, 0, 0]), { weight: 10 }),
  ], BATCH);
  assertEquals(values.short, [null, null, null, null]);
  assertEquals(values.nan, [1, null, null, 0]);
  assertEquals(values.holes, [1, null, null, null]);
  assertEquals(values.large, [null, 0, 0, 0]);
  assertEquals(problems.map(({ message }) => message), [
    "gave 2 values for 4 completions",
    "gave undefined, it must give a list of 4 numbers or nulls",
    'gave "1234", it must give a list of 4 numbers or nulls',
    "gave NaN for row 1 and 1 other rows, not a finite number or null",
    "gave undefined for row 1 and 2 other rows, not a finite number or null",
    "gave 1e+308 for row 0, not a finite number or null",
  ]);
});

Deno.test("scoreRewards: asynchronous functions run together, and one that hangs is cut", async () => {
  let signalled: unknown;
  const never: RewardFunction = (_, { signal }) => {
    signal.addEventListener("abort", () => signalled = signal.reason);
    return new Promise(() => {});
  };
  const slow: RewardFunction = async () => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    return [1, 1, 1, 1];
  };
  const begin = performance.now();
  const { totals, values, problems } = await scoreRewards([
    reward("never", never, { timeoutMs: 100 }),
    ...Array.from({ length: 20 }, (_, at) => reward(`slow ${at}`, slow)),
  ], BATCH);
  assert(performance.now() - begin < 1000);
  assertEquals(values.never, [null, null, null, null]);
  assertEquals(totals, [20, 20, 20, 20]);
  assertEquals(problems, [{ reward: "never", message: "TimeoutError: took longer than 100 ms" }]);
  assertEquals((signalled as Error).name, "TimeoutError");
});

Deno.test("scoreRewards: a slow synchronous function loses its values and costs no other function its time", async () => {
  const busy: RewardFunction = () => {
    const end = performance.now() + 120;
    while (performance.now() < end);
    return [1, 1, 1, 1];
  };
  const waits: RewardFunction = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return [2, 2, 2, 2];
  };
  const { totals, problems } = await scoreRewards([
    reward("waits", waits, { timeoutMs: 110 }),
    reward("busy", busy, { timeoutMs: 50 }),
  ], BATCH);
  assertEquals(totals, [2, 2, 2, 2]);
  assertEquals(problems.length, 1);
  assertStringIncludes(problems[0].message, "its limit is 50 ms");
});

Deno.test("scoreRewards: the run's signal ends it and what is running", async () => {
  const ended = new AbortController();
  let inner: AbortSignal | undefined;
  const scoring = scoreRewards(
    [reward("never", (_, { signal }) => new Promise(() => inner = signal))],
    BATCH,
    { signal: ended.signal },
  );
  ended.abort(new RangeError("stopped by hand"));
  await assertRejects(() => scoring, RangeError, "stopped by hand");
  assert(inner?.aborted);
});

Deno.test("scoreRewards: refuses two rewards of one name, and weights and limits that are none", async () => {
  const score = () => [0, 0, 0, 0];
  const refused = (rewards: Reward[], message: string) =>
    assertRejects(() => scoreRewards(rewards, BATCH), RangeError, message);
  await refused([reward("a", score), reward("a", score)], "two rewards are named a");
  await refused([reward("a", score, { weight: NaN })], "weight of a is NaN");
  await refused([reward("a", score, { timeoutMs: 0 })], "timeoutMs of a is 0");
});
