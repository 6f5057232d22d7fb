/** What is read of llama-bench's JSON. */
import { assertEquals, assertThrows } from "@std/assert";
import { readRates } from "./llama_bench.ts";

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
