/** Answer equivalence against math-verify's verdicts: how often both agree, and why not where they do not. Checks no reward. */
import { assert, assertEquals } from "@std/assert";
import { verifyAnswer } from "@aha/grpo/rewards";
import { fixtureJson } from "../support/fixture.ts";

interface Pair {
  readonly category: string;
  readonly gold: string;
  readonly prediction: string;
  /** math-verify's verdict. */
  readonly equal: boolean;
}

/** Share of pairs on which both must agree. */
const MIN_AGREEMENT = 0.92;

/** A pair that is judged otherwise than by math-verify. */
interface Disagreement {
  readonly gold: string;
  readonly prediction: string;
  /** What `verifyAnswer` says. */
  readonly verdict: boolean;
  /** What mathematics says of the two answers. */
  readonly isEqualInMathematics: boolean;
  readonly reason: string;
}

const DISAGREEMENTS: readonly Disagreement[] = [
  {
    gold: "$1e3$",
    prediction: "\\boxed{1000}",
    verdict: true,
    isEqualInMathematics: true,
    reason: "1e3 is scientific notation; math-verify reads 1 times e times 3",
  },
  {
    gold: "$6.02 \\cdot 10^{23}$",
    prediction: "\\boxed{6.02e23}",
    verdict: true,
    isEqualInMathematics: true,
    reason: "6.02e23 is scientific notation; math-verify reads 6.02 times e times 23",
  },
  {
    gold: "A",
    prediction: "The answer is (A).",
    verdict: true,
    isEqualInMathematics: true,
    reason:
      "a letter that is announced as the answer is read as a choice; math-verify finds nothing",
  },
  {
    gold: "$i$",
    prediction: "\\boxed{\\sqrt{-1}}",
    verdict: true,
    isEqualInMathematics: true,
    reason: "i is the imaginary unit; math-verify takes it for a variable here",
  },
  {
    gold: "$\\sin 30^\\circ$",
    prediction: "\\boxed{\\frac12}",
    verdict: true,
    isEqualInMathematics: true,
    reason: "degrees inside of a sine count; math-verify drops the sign and takes radians",
  },
  {
    gold: "$7$",
    prediction: "<answer>7</answer>",
    verdict: true,
    isEqualInMathematics: true,
    reason: "answer tags (R1's template) announce an answer; math-verify finds nothing in them",
  },
];

const { cases } = fixtureJson<{ readonly cases: readonly Pair[] }>("math/equivalence.json");
const judged = cases.map((pair) => ({
  ...pair,
  verdict: verifyAnswer(pair.gold, pair.prediction) === true,
}));
const differing = judged.filter(({ equal, verdict }) => equal !== verdict);

Deno.test("answer equivalence: agrees with math-verify on at least 92 % of the pairs", () => {
  const agreement = 1 - differing.length / cases.length;
  console.log(`agreement ${(100 * agreement).toFixed(1)} % of ${cases.length} pairs`);
  assert(cases.length >= 171 && agreement >= MIN_AGREEMENT, `${agreement}`);
});

Deno.test("answer equivalence: every disagreement is listed with its reason, and none is listed in vain", () => {
  assertEquals(
    differing.map(({ gold, prediction, verdict }) => ({ gold, prediction, verdict })),
    DISAGREEMENTS.map(({ gold, prediction, verdict }) => ({ gold, prediction, verdict })),
  );
  for (const { reason } of DISAGREEMENTS) assert(reason.length > 20);
});

Deno.test("answer equivalence: nothing passes that both math-verify and mathematics call unequal", () => {
  for (const { gold, prediction } of differing.filter(({ verdict }) => verdict)) {
    const listed = DISAGREEMENTS.find((it) => it.gold === gold && it.prediction === prediction);
    assert(listed?.isEqualInMathematics, `${gold} and ${prediction}`);
  }
});
