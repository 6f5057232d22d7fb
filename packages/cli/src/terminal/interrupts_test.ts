/** Tests of interrupts.ts: who gets a Ctrl-C. */
import { assertEquals } from "@std/assert";
import process from "node:process";
import { interruptedCode, Interrupts } from "./interrupts.ts";

Deno.test("Interrupts: who has taken it over is called, then the signal is aborted", () => {
  const before = process.listenerCount("SIGINT");
  const interrupts = new Interrupts();
  assertEquals(process.listenerCount("SIGINT"), before);
  const { signal } = interrupts;
  let calls = 0;
  interrupts.take(() => calls++, () => {});
  for (let i = 0; i < 3; i++) process.emit("SIGINT", "SIGINT");
  assertEquals([calls, signal.aborted], [3, false]);
  interrupts.release();
  process.emit("SIGINT", "SIGINT");
  assertEquals([calls, signal.aborted, signal.reason?.message], [3, true, "Interrupted"]);
  assertEquals(process.listenerCount("SIGINT"), before + 1);
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(name);
});

Deno.test("Interrupts: SIGTERM aborts too, so that what is being written goes", () => {
  const interrupts = new Interrupts();
  const { signal } = interrupts;
  process.emit("SIGTERM", "SIGTERM");
  assertEquals([signal.aborted, interruptedCode(signal)], [true, 143]);
  assertEquals(interruptedCode(AbortSignal.abort()), 130);
  for (const name of ["SIGINT", "SIGTERM"]) process.removeAllListeners(name);
});
