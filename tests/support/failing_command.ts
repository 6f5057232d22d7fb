/** Asserts that a command fails as the contract says: exit code, one line on stderr, nothing on stdout, soon. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runAha } from "./captured_io.ts";

/** Far above what a refusal takes, far below a hang that somebody would wait for. */
const LIMIT_MS = 10_000;

/** Exit code of a run that failed. */
export const FAILED = 1;
/** Exit code of a wrong command line. */
export const WRONG_USAGE = 2;

/** Runs `aha` in this process; gives the line on stderr. */
export async function assertFails(
  words: readonly string[],
  code: number,
  parts: string | readonly string[],
): Promise<string> {
  const start = performance.now();
  const ended = await runAha(words);
  const what = words.join(" ").slice(0, 200);
  assertFailure(ended, code, parts, what);
  const tookMs = performance.now() - start;
  assert(tookMs < LIMIT_MS, `${what} took ${tookMs} ms`);
  return ended.error;
}

/** Checks how a command has ended. */
export function assertFailure(
  ended: { readonly code: number | null; readonly out: string; readonly error: string },
  code: number,
  parts: string | readonly string[],
  what = "",
): void {
  assertEquals([ended.code, ended.out], [code, ""], `${what}: ${ended.error}`);
  assertMatch(ended.error, /^aha: [^\n]+[^\n.]\n$/, what);
  assert(ended.error.length < 700, `${what} explains too much`);
  for (const part of typeof parts === "string" ? [parts] : parts) {
    assertStringIncludes(ended.error, part, `${what}: ${ended.error} lacks ${part}`);
  }
}
