/** Tests of giving the host a turn: timers run, the cost is small, aborts are seen. */
import { assert, assertRejects } from "@std/assert";
import { yieldToHost } from "./yield_to_host.ts";

/** Computes for a while, as a step of a model does. */
function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("yieldToHost: a timer runs between steps that never await anything else", async () => {
  let ran = false;
  setTimeout(() => ran = true, 1);
  for (let step = 0; step < 20 && !ran; step++) {
    busy(4);
    await yieldToHost();
  }
  assert(ran);
});

Deno.test("yieldToHost: short steps do not pay for a turn each", async () => {
  let turns = 0;
  let counting = true;
  const count = () => {
    turns++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  for (let step = 0; step < 20_000; step++) await yieldToHost();
  counting = false;
  // a turn for each step would be 20,000
  assert(turns < 2_000, `${turns}`);
});

Deno.test("yieldToHost: an abort is thrown before and after the turn, with its reason", async () => {
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => yieldToHost(signal), Error, "before");
  const later = new AbortController();
  setTimeout(() => later.abort(new Error("after")), 1);
  await assertRejects(
    async () => {
      for (let step = 0; step < 50; step++) {
        busy(4);
        await yieldToHost(later.signal);
      }
    },
    Error,
    "after",
  );
});
