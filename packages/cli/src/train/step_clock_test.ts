/** Tests of step_clock.ts: the mean of the last steps, durations as text. */
import { assertEquals } from "@std/assert";
import { durationText, StepClock } from "./step_clock.ts";

Deno.test("StepClock: follows the last steps", () => {
  let now = 0;
  const clock = new StepClock(() => now);
  assertEquals(clock.secondsPerStep, undefined);
  for (const ms of [...Array(50).fill(9000), ...Array(20).fill(1000)]) {
    now += ms;
    clock.endStep();
  }
  assertEquals(clock.secondsPerStep, 1);
});

Deno.test("durationText: two units", () => {
  assertEquals([0, 59.4, 61, 3723, 90_000].map(durationText), [
    ...["0s", "59s", "1m 01s", "1h 02m", "1d 01h"],
  ]);
});
