/** Exit codes of benches and the line that tells why. */
import { assertEquals, assertThrows } from "@std/assert";
import { exitCodeOf, expectThreads } from "./program.ts";

async function told(read: () => number, run: () => Promise<number | void>) {
  const lines: string[] = [];
  const code = await exitCodeOf({ usage: "USAGE", read, run }, [], (line) => lines.push(line));
  return { code, lines };
}

Deno.test("exitCodeOf: what the program gives, 0 where it gives nothing", async () => {
  assertEquals(await told(() => 1, () => Promise.resolve(3)), { code: 3, lines: [] });
  assertEquals(await told(() => 1, () => Promise.resolve()), { code: 0, lines: [] });
});

Deno.test("exitCodeOf: 1 and one line where it fails, 2 and the usage where the words are wrong", async () => {
  const fail = (): never => {
    throw new RangeError("too many\nof them");
  };
  const failing = await told(() => 1, () => Promise.resolve().then(fail));
  assertEquals(failing, { code: 1, lines: ["too many"] });
  const wrong = await told(fail, () => Promise.resolve());
  assertEquals(wrong, { code: 2, lines: ["too many\nUSAGE"] });
});

Deno.test("expectThreads: no more than the cores, 1 with the build without threads", () => {
  expectThreads(2, "relaxed_threads", 2);
  expectThreads(1, "simd", 2);
  assertThrows(() => expectThreads(3, undefined, 2), RangeError, "3 threads are asked for");
  assertThrows(() => expectThreads(2, "simd", 8), RangeError, "The build simd runs 1 thread");
});
