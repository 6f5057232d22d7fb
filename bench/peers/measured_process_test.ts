/** Fresh processes: what they print, how they fail, what they use. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync } from "node:fs";
import process from "node:process";
import { runMeasured } from "./measured_process.ts";

const USED_BYTES = 128 << 20;
const PROGRAM = `
  const used = new Uint8Array(${USED_BYTES}).fill(1);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  console.log(used.length);
`;

Deno.test("runMeasured: the peak of the process, where the system tells it", async () => {
  const { out, peakBytes } = await runMeasured(process.execPath, ["eval", PROGRAM]);
  assertEquals(out.trim(), `${USED_BYTES}`);
  if (existsSync("/proc/self/status")) assert(peakBytes !== null && peakBytes > USED_BYTES);
});

Deno.test("runMeasured: a program that fails is an error with its last line", async () => {
  const words = ["eval", "console.error('one'); console.error('two'); Deno.exit(3)"];
  await assertRejects(() => runMeasured(process.execPath, words), Error, "ended with 3: two");
  const thrown = ["eval", "const fail = () => { throw new RangeError('8 of 2') }; fail();"];
  await assertRejects(() => runMeasured(process.execPath, thrown), Error, "ended with 1: 8 of 2");
  await assertRejects(() => runMeasured("no-such-program", []), Error, "no-such-program");
});
