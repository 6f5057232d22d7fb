/** Tests of limit_timer.ts: when it calls back, and when it does not. */
import { assert, assertEquals } from "@std/assert";
import { LimitTimer } from "./limit_timer.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("LimitTimer: calls once, so long after it began last", async () => {
  const started = performance.now();
  const calls: number[] = [];
  const timer = new LimitTimer(() => calls.push(performance.now() - started));
  for (let i = 0; i < 5; i++) {
    timer.begin(60);
    await wait(20);
  }
  assertEquals(calls, []);
  await wait(120);
  assertEquals(calls.length, 1);
  assert(calls[0] >= 135, `${calls[0]} ms`); // the last began after 80 ms or more
  timer.begin(10);
  await wait(40);
  assertEquals(calls.length, 2);
});

Deno.test("LimitTimer: a shorter limit after a longer one is kept, none counts while it pauses or has ended", async () => {
  let calls = 0;
  const timer = new LimitTimer(() => calls++);
  timer.begin(10_000);
  timer.begin(10);
  await wait(40);
  assertEquals(calls, 1);
  timer.begin(10);
  timer.pause();
  await wait(40);
  assertEquals(calls, 1);
  timer.begin(10);
  timer.end();
  await wait(40);
  assertEquals(calls, 1);
});
