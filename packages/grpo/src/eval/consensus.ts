/** cons@k: how often the answer that most of k samples give is right. Judges nothing. */

/** What one sample answers. */
export interface Vote {
  /** Equal for answers that say the same; `null`: none, which is no vote. */
  readonly answerClass: string | null;
  readonly isRight: boolean;
}

/** Binomials above do not fit a float64. */
const MOST_SAMPLES = 1000;

/**
 * Expected accuracy of the majority of k samples over **all** subsets of k of the samples that are there, exactly, not
 * of the first k. Samples without an answer do not vote; k of them are wrong. Classes with equally many votes win
 * equally often. Of a class whose members differ in being right, the share of right ones counts.
 *
 * With k = 1 it is the mean accuracy; with k = all samples the usual majority vote ("cons@64", 2501.12948, section 2.2.4).
 *
 * @throws {RangeError} unless 1 <= k <= votes, and for more than 1,000 votes
 *
 * @example
 * ```ts
 * import { consensusAtK } from "@aha/grpo/eval";
 *
 * const votes = ["7", "7", "9"].map((answerClass) => ({ answerClass, isRight: answerClass === "7" }));
 * console.log(consensusAtK(votes, 3), consensusAtK(votes, 2)); // 1 0.666...
 * ```
 */
export function consensusAtK(votes: readonly Vote[], k: number): number {
  if (!Number.isInteger(k) || k < 1 || k > votes.length || votes.length > MOST_SAMPLES) {
    throw new RangeError(
      `k is ${k} of ${votes.length} votes, it must be a whole number up to them, and they at most ${MOST_SAMPLES}`,
    );
  }
  const choose = binomials(votes.length);
  const classes = countClasses(votes);
  const silent = votes.filter(({ answerClass }) => answerClass === null).length;
  let accuracy = 0;
  for (const winner of classes) {
    if (winner.right === 0) continue;
    const others = classes.filter((other) => other !== winner).map(({ count }) => count);
    let wins = 0;
    for (let own = 1; own <= Math.min(winner.count, k); own++) {
      wins += choose(winner.count, own) * otherWays(others, silent, own, k - own, choose);
    }
    accuracy += winner.right / winner.count * wins / choose(votes.length, k);
  }
  return accuracy;
}

/** Ways to take `rest` samples of other classes, none with more than `own` votes; one with t as many counts 1 / (1 + t). */
function otherWays(
  others: readonly number[],
  silent: number,
  own: number,
  rest: number,
  choose: (n: number, k: number) => number,
): number {
  const mostTies = Math.floor(rest / own);
  const at = (taken: number, ties: number) => taken * (mostTies + 1) + ties;
  let ways = new Float64Array((rest + 1) * (mostTies + 1));
  for (let taken = 0; taken <= Math.min(silent, rest); taken++) {
    ways[at(taken, 0)] = choose(silent, taken);
  }
  for (const count of others) {
    const next = new Float64Array(ways.length);
    for (let taken = 0; taken <= rest; taken++) {
      for (let ties = 0; ties <= mostTies; ties++) {
        const before = ways[at(taken, ties)];
        if (before === 0) continue;
        for (let more = 0; more <= Math.min(count, own, rest - taken); more++) {
          next[at(taken + more, more === own ? ties + 1 : ties)] += before * choose(count, more);
        }
      }
    }
    ways = next;
  }
  let sum = 0;
  for (let ties = 0; ties <= mostTies; ties++) sum += ways[at(rest, ties)] / (1 + ties);
  return sum;
}

function countClasses(votes: readonly Vote[]): { count: number; right: number }[] {
  const classes = new Map<string, { count: number; right: number }>();
  for (const { answerClass, isRight } of votes) {
    if (answerClass === null) continue;
    const found = classes.get(answerClass) ?? { count: 0, right: 0 };
    classes.set(answerClass, { count: found.count + 1, right: found.right + Number(isRight) });
  }
  return [...classes.values()];
}

/** Pascal's triangle up to a row. */
function binomials(most: number): (n: number, k: number) => number {
  const rows = [Float64Array.of(1)];
  for (let n = 1; n <= most; n++) {
    rows.push(
      Float64Array.from(
        { length: n + 1 },
        (_, k) => (rows[n - 1][k - 1] ?? 0) + (rows[n - 1][k] ?? 0),
      ),
    );
  }
  return (n, k) => rows[n][k] ?? 0;
}
