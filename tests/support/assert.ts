/** The names of @std/assert that the tests use, thin over node:assert (JSR is not reachable everywhere). Shortens what they say of long arrays. */
import assert from "node:assert/strict";
import { AssertionError } from "node:assert";
import { isDeepStrictEqual } from "node:util";

/** Fails unless the value is truthy. */
export function assertTrue(value: unknown, message?: string): asserts value {
  assert.ok(value, message);
}
export { assertTrue as assert };

/** Deep equality. Of bytes and other typed arrays the first difference is told: a whole one would be sought for minutes. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  if (message === undefined && isNumbers(actual) && isNumbers(expected)) {
    if (isDeepStrictEqual(actual, expected)) return;
    const at = Array.from(actual).findIndex((value, i) => !Object.is(value, expected[i]));
    const place = at < 0 ? "" : `, [${at}] is ${actual[at]}, not ${expected[at]}`;
    throw new AssertionError({
      message: `${actual.length} numbers are not the ${expected.length} expected${place}`,
    });
  }
  assert.deepStrictEqual(actual, expected, message);
}

function isNumbers(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** Deep inequality. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  assert.notDeepStrictEqual(actual, expected, message);
}

/** Same value by `Object.is`. */
export function assertStrictEquals<T>(actual: T, expected: T, message?: string): void {
  assert.strictEqual(actual, expected, message);
}

/** |actual - expected| <= tolerance (default 1e-7 relative). */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
): void {
  const limit = tolerance ?? Math.abs(expected) * 1e-7;
  if (Object.is(actual, expected) || Math.abs(actual - expected) <= limit) return;
  throw new AssertionError({
    message: message ?? `${actual} is not within ${limit} of ${expected}`,
    actual,
    expected,
    operator: "assertAlmostEquals",
  });
}

/** The string contains the part. */
export function assertStringIncludes(actual: string, part: string, message?: string): void {
  if (!actual.includes(part)) {
    throw new AssertionError({
      message: message ?? `${JSON.stringify(actual)} does not include ${JSON.stringify(part)}`,
    });
  }
}

/** The string matches the pattern. */
export function assertMatch(actual: string, pattern: RegExp, message?: string): void {
  assert.match(actual, pattern, message);
}

type ErrorClass = abstract new (...args: never[]) => Error;

function checkError(error: unknown, type?: ErrorClass, includes?: string): Error {
  if (!(error instanceof Error)) {
    throw new AssertionError({ message: `thrown value is no Error: ${error}` });
  }
  const found = `${error.name}: ${error.message}`;
  if (type && !(error instanceof type)) {
    throw new AssertionError({ message: `expected ${type.name}, got ${found}` });
  }
  if (includes !== undefined) assertStringIncludes(error.message, includes);
  return error;
}

/** The function throws; gives the error back. */
export function assertThrows(run: () => unknown, type?: ErrorClass, includes?: string): Error {
  try {
    run();
  } catch (error) {
    return checkError(error, type, includes);
  }
  throw new AssertionError({ message: "expected the function to throw" });
}

/** The promise rejects; gives the error back. */
export async function assertRejects(
  run: () => PromiseLike<unknown>,
  type?: ErrorClass,
  includes?: string,
): Promise<Error> {
  try {
    await run();
  } catch (error) {
    return checkError(error, type, includes);
  }
  throw new AssertionError({ message: "expected the promise to reject" });
}
