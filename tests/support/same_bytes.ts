/** Compares long arrays: a failure names the first place, where a whole diff would take minutes and gigabytes. */
import { AssertionError } from "node:assert";

/** Fails unless both have the same length and the same numbers. */
export function assertSameBytes(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what = "bytes",
): void {
  const message = actual.length !== expected.length
    ? `${what}: ${actual.length} instead of ${expected.length}`
    : firstDifference(actual, expected, what);
  if (message) throw new AssertionError({ message });
}

function firstDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
): string | undefined {
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) {
      return `${what}: ${actual[i]} instead of ${expected[i]} at ${i}`;
    }
  }
  return undefined;
}
