/** What is read of llama-bench's JSON. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import process from "node:process";
import { llamaBench, readRates } from "./llama_bench.ts";

const PROMPT = { n_prompt: 512, n_gen: 0, avg_ts: 700.5 };
const GENERATION = { n_prompt: 0, n_gen: 128, avg_ts: 80.25 };

Deno.test("readRates: by sizes, not by order", () => {
  const json = JSON.stringify([GENERATION, PROMPT]);
  assertEquals(readRates(json), { prefill: 700.5, decode: 80.25 });
});

Deno.test("readRates: a rate that is missing is named", () => {
  const json = JSON.stringify([PROMPT]);
  assertThrows(() => readRates(json), Error, "no rate of 0 and 128 tokens");
});

Deno.test("llamaBench: a program that is none, or is not there, is told before anything is measured", async () => {
  const before = process.env.LLAMA_BENCH;
  try {
    process.env.LLAMA_BENCH = process.execPath;
    await assertRejects(async () => await llamaBench.prepare(), Error, "is no llama-bench");
    process.env.LLAMA_BENCH = "no-such-program";
    await assertRejects(async () => await llamaBench.prepare(), Error, "does not run");
  } finally {
    delete process.env.LLAMA_BENCH;
    if (before !== undefined) process.env.LLAMA_BENCH = before;
  }
});
