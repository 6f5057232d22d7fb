/** Tests of the host's time: timers that run, that are called off, and that are longer than the host's own. */
import { assert, assertEquals } from "@std/assert";
import { hostClock } from "./clock.ts";

Deno.test("hostClock: timers run in time or are called off, however long; now is Unix time", async () => {
  const ran: string[] = [];
  hostClock.after(20, () => ran.push("late"));
  hostClock.after(1, () => ran.push("soon"));
  const called = [5, Infinity, 2 ** 40].flatMap((ms) =>
    [true, false].map((keepsAlive) => hostClock.after(ms, () => ran.push("off"), { keepsAlive }))
  );
  for (const callOff of called) callOff();
  const long = hostClock.after(2 ** 31 + 5, () => ran.push("at once"));
  hostClock.after(1, () => ran.push("idle"), { keepsAlive: false });
  // On a busy machine timers come late and in another order, but they come; those that were called off do not.
  while (ran.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 60));
  long();
  assertEquals(ran.toSorted(), ["idle", "late", "soon"]);
  assert(Math.abs(hostClock.now() - Date.now()) < 5_000);
});
