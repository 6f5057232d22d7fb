/** CD: three digits, two operations and a target modulo 10; a thought is a search that tries and fails until it hits. */
import { attempts, readAttempt, written } from "./attempts.ts";
import { digitToken, digitValue } from "../digits.ts";
import type { CountdownProblem, ProblemKind } from "./problem.ts";
import { TOKEN } from "../vocabulary.ts";

/** The most tries that fail in a thought that was made. */
const MAX_FAILED_TRIES = 4;
/** Shares of hitting expressions above which a problem is of level 1 and 2; fewer is level 3. */
const LEVEL_SHARES = [0.25, 0.125];
const MAX_DRAWS = 10_000;

/** The level says how rare expressions are that hit: 1 at least a quarter, 2 at least an eighth, 3 fewer. */
export const countdown: ProblemKind<CountdownProblem> = {
  levels: [1, 2, 3],
  hardLevels: [1, 2, 3],
  draw(random, levels) {
    for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
      const numbers = [random.below(10), random.below(10), random.below(10)];
      const { value } = random.pick(attempts(numbers));
      const problem: CountdownProblem = { kind: "CD", numbers, target: value };
      if (levels.includes(levelOf(problem))) return problem;
    }
    throw new RangeError(
      `no countdown problem is of level ${levels.join(" or ")}, there are 1 to 3`,
    );
  },
  level: levelOf,
  key: ({ numbers, target }) => `CD ${[...numbers].sort().join(" ")} : ${target}`,
  question: ({ numbers, target }) => [...numbers.map(digitToken), TOKEN.colon, digitToken(target)],
  read(question) {
    const values = question.map(digitValue);
    const [a, b, c, , target] = values;
    if (question.length !== 5 || question[3] !== TOKEN.colon) return null;
    if (a === undefined || b === undefined || c === undefined || target === undefined) return null;
    return { kind: "CD", numbers: [a, b, c], target };
  },
  solve({ numbers, target }, random) {
    const all = random.shuffled(attempts(numbers));
    const hit = all.find(({ value }) => value === target);
    if (!hit) throw new RangeError(`no expression of ${numbers.join(", ")} comes to ${target}`);
    const misses = all.filter(({ value }) => value !== target);
    const tries = [...misses.slice(0, random.below(MAX_FAILED_TRIES + 1)), hit];
    return { thought: tries.flatMap((attempt) => written(attempt, target)), answer: hit.tokens };
  },
  answerClass({ numbers }, answer) {
    const attempt = readAttempt(answer);
    if (!attempt) return null;
    const used = [0, 2, 4].map((at) => digitValue(answer[at])!).sort();
    return used.join() === [...numbers].sort().join() ? attempt.value.toString() : null;
  },
  rightClass: ({ target }) => target.toString(),
};

/**
 * How often a thought turns to another try after one that it marked as failed: marks `x` that close a try and have
 * another one, of at least a digit, behind them.
 */
export function failedTries(thought: readonly number[]): number {
  let count = 0;
  thought.forEach((token, at) => {
    const next = thought[at + 1];
    if (token === TOKEN.miss && digitValue(next) !== undefined) count++;
  });
  return count;
}

function levelOf({ numbers, target }: CountdownProblem): number {
  const all = attempts(numbers);
  const share = all.filter(({ value }) => value === target).length / all.length;
  return 1 + LEVEL_SHARES.filter((least) => share < least).length;
}
