/** Tests of keep_alive.ts. */
import { assertEquals } from "@std/assert";
import { DURATION, keepAliveMs } from "./keep_alive.ts";

Deno.test("keepAliveMs: seconds, durations, for good", () => {
  const forms: readonly (readonly [string | number, number])[] = [
    ...[["5m", 300_000], ["1h30m", 5_400_000], ["1.5h", 5_400_000], ["300ms", 300]] as const,
    ...[["0", 0], ["0s", 0], [0, 0], [-1, Infinity], ["-1s", Infinity], ["-1m", Infinity]] as const,
    ...[[90, 90_000], [0.5, 500], ["2000000ns", 2], ["1500µs", 1.5], [".5s", 500]] as const,
  ];
  for (const [value, ms] of forms) {
    if (typeof value === "string") assertEquals(DURATION.test(value), true, value);
    assertEquals(keepAliveMs(value), ms, String(value));
  }
});

Deno.test("keepAliveMs: what no clock can count is for good", () => {
  for (const value of [1e300, Number.MAX_VALUE, "99999999999999999999h", 1e13]) {
    assertEquals(keepAliveMs(value), Infinity, `${value}`);
  }
  assertEquals(keepAliveMs(9e9), 9e12);
});

Deno.test("DURATION: what Go refuses", () => {
  for (
    const text of ["", "5", "-1", "m", "5 m", "5min", "1h 30m", "1.2.3s", ".s", "5d", "Infinity"]
  ) {
    assertEquals(DURATION.test(text), false, text);
  }
});

Deno.test("DURATION: megabytes of digits are refused at once", () => {
  for (const text of ["1".repeat(4e6), "1.".repeat(2e6), "1h".repeat(2e6) + "x"]) {
    assertEquals(DURATION.test(text), false);
  }
});
