/** Every measure against values worked out by hand, and cons@k against all subsets, counted one by one. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { CounterRandom } from "../tasks/counter_random.ts";
import type { Verdict } from "../tasks/verdict.ts";
import { consensusAtK, type Vote } from "./consensus.ts";
import { estimateOf } from "./estimate.ts";
import { type JudgedCompletion, measuresOf } from "./measures.ts";
import { passAtK } from "./pass_at_k.ts";

const EXACT = 1e-12;

Deno.test("estimateOf: mean and error over problems", () => {
  // Spread: (0.25 + 0.25 + 0 + 0) / 3 = 1/6; over 4 problems: sqrt(1 / 24).
  const { mean, standardError } = estimateOf([1, 0, 0.5, 0.5]);
  assertAlmostEquals(mean, 0.5, EXACT);
  assertAlmostEquals(standardError!, Math.sqrt(1 / 24), EXACT);
  assertEquals(estimateOf([0.7]), { mean: 0.7, standardError: null });
  assertThrows(() => estimateOf([]), RangeError, "no value");
});

Deno.test("passAtK: 1 - C(n - c, k) / C(n, k)", () => {
  const cases: [number, number, number, number][] = [
    [4, 1, 1, 0.25],
    [4, 1, 2, 0.5], // 1 - 3 / 6
    [5, 2, 3, 0.9], // 1 - 1 / 10
    [10, 3, 4, 1 - 35 / 210],
    [5, 3, 3, 1],
    [5, 0, 5, 0],
    [5, 5, 1, 1],
  ];
  for (const [n, c, k, expected] of cases) assertAlmostEquals(passAtK(n, c, k), expected, EXACT);
  // Far beyond what binomials hold: 1 - C(9999, 100) / C(10000, 100) = 100 / 10000.
  assertAlmostEquals(passAtK(10_000, 1, 100), 0.01, EXACT);
  assertThrows(() => passAtK(4, 5, 1), RangeError, "5 of 4 samples");
  assertThrows(() => passAtK(4, 1, 5), RangeError, "k is 5");
  assertThrows(() => passAtK(4, 1, 0), RangeError, "k is 0");
});

/** Votes of a text: a letter a class, capitals are right, `-` none. */
function votes(text: string): Vote[] {
  return [...text].map((letter) => ({
    answerClass: letter === "-" ? null : letter.toLowerCase(),
    isRight: letter >= "A" && letter <= "Z",
  }));
}

Deno.test("consensusAtK: by hand", () => {
  const cases: [string, number, number][] = [
    ["AAb", 3, 1],
    ["AAb", 2, 2 / 3], // AA 1, Ab and Ab 1/2 each
    ["AAb", 1, 2 / 3],
    ["Abb", 3, 0],
    ["Ab", 2, 0.5],
    ["Abc", 3, 1 / 3],
    ["AAbbc", 5, 0.5],
    ["A---", 4, 1],
    ["A---", 2, 0.5], // of 6 pairs, 3 hold A
    ["----", 4, 0],
    ["bbb", 2, 0],
    ["AaB", 3, 0.5], // the class of A wins, half of it is right
  ];
  for (const [text, k, expected] of cases) {
    assertAlmostEquals(consensusAtK(votes(text), k), expected, EXACT, `${text} at ${k}`);
  }
  assertThrows(() => consensusAtK(votes("AAb"), 4), RangeError, "k is 4 of 3 votes");
  assertThrows(() => consensusAtK(votes("A".repeat(1001)), 4), RangeError, "at most 1000");
});

/** The same by counting each subset. */
function countedConsensus(all: readonly Vote[], k: number): number {
  let sum = 0;
  let subsets = 0;
  for (let bits = 0; bits < 2 ** all.length; bits++) {
    const chosen = all.filter((_, at) => bits >> at & 1);
    if (chosen.length !== k) continue;
    subsets++;
    const counts = new Map<string, number>();
    for (const { answerClass } of chosen) {
      if (answerClass !== null) counts.set(answerClass, (counts.get(answerClass) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    const winners = [...counts].filter(([, count]) => count === most).map(([name]) => name);
    const right = winners.filter((name) =>
      all.some((vote) => vote.answerClass === name && vote.isRight)
    );
    if (winners.length > 0) sum += right.length / winners.length;
  }
  return sum / subsets;
}

Deno.test("consensusAtK: equals the mean over all subsets", () => {
  for (let index = 0; index < 60; index++) {
    const random = new CounterRandom(5, 0, index);
    const all = Array.from({ length: 3 + random.below(8) }, () => {
      const letter = random.pick([..."AAbbcd-"]);
      return { answerClass: letter === "-" ? null : letter, isRight: letter === "A" };
    });
    for (let k = 1; k <= all.length; k++) {
      assertAlmostEquals(consensusAtK(all, k), countedConsensus(all, k), EXACT);
    }
  }
});

Deno.test("consensusAtK: 64 samples of many classes, fast and within 0 to 1", () => {
  const random = new CounterRandom(6, 0, 0);
  const all = Array.from({ length: 64 }, () => {
    const number = random.below(40);
    return { answerClass: `${number}`, isRight: number < 1 };
  });
  const start = performance.now();
  const values = [1, 2, 4, 8, 16, 32, 64].map((k) => consensusAtK(all, k));
  assert(performance.now() - start < 5000);
  for (const value of values) assert(value >= 0 && value <= 1 + EXACT, `${values}`);
  assertAlmostEquals(values[0], all.filter(({ isRight }) => isRight).length / 64, EXACT);
});

function judged(
  values: Partial<Verdict> & { tokens: number; isFinished?: boolean },
): JudgedCompletion {
  const { tokens, isFinished = true, ...verdict } = values;
  return {
    completion: { text: "", tokens, isFinished },
    verdict: {
      hasFormat: false,
      isRight: false,
      isStrictlyRight: false,
      isLenientlyRight: false,
      answerClass: null,
      languageShare: null,
      thoughtLength: null,
      reflections: 0,
      ...verdict,
    },
  };
}

Deno.test("measuresOf: by hand, over two problems with two samples", () => {
  const right = { isRight: true, isLenientlyRight: true, answerClass: "7" };
  const measures = measuresOf([
    [
      judged({
        ...right,
        isStrictlyRight: true,
        hasFormat: true,
        tokens: 10,
        languageShare: 1,
        thoughtLength: 6,
        reflections: 2,
      }),
      judged({ ...right, tokens: 20, languageShare: 0.5, thoughtLength: 8, isFinished: false }),
    ],
    [
      judged({ isLenientlyRight: true, hasFormat: true, tokens: 4, thoughtLength: 0 }),
      judged({ answerClass: "3", tokens: 6, languageShare: 1, thoughtLength: 2 }),
    ],
  ]);
  const mean = (key: "accuracy" | "strict" | "lenient" | "format" | "responseLength") =>
    measures[key].mean;
  assertEquals(measures.problems, 2);
  assertEquals(measures.accuracy, { mean: 0.5, standardError: 0.5 });
  assertEquals([mean("strict"), mean("lenient"), mean("format")], [0.25, 0.75, 0.5]);
  assertEquals(mean("responseLength"), 10);
  assertEquals(measures.thoughtLength, { mean: 4, standardError: 3 });
  // The second problem has a sample without a language: it does not count.
  assertEquals(measures.language, { mean: 0.75, standardError: null });
  assertEquals([measures.reflection.mean, measures.truncated.mean], [0.25, 0.25]);
  assertEquals(measures.passAt.map(({ k, mean }) => [k, mean]), [[1, 0.5], [2, 0.5]]);
  assertEquals(measures.consensusAt.map(({ k, mean }) => [k, mean]), [[1, 0.5], [2, 0.5]]);
  assertThrows(() => measuresOf([]), RangeError, "problems have no samples");
  assertThrows(
    () => measuresOf([[judged({ tokens: 1 })], []]),
    RangeError,
    "problems have 1, 0 samples",
  );
});
