/** Tests of trace_filter.ts: each fault by an example, order of faults, equal traces. */
import { assertEquals } from "@std/assert";
import { type SampledTrace, traceFault, TraceFilter } from "./trace_filter.ts";

const PROMPT = "<s> <en> CHAIN A 9 B 4 C 8 ?";
const GENERAL = "<s> <xx> REV 1 2 3 ?";

function trace(completion: string, prompt = PROMPT, isFinished = true): SampledTrace {
  return { prompt, completion, isFinished };
}

Deno.test("traceFault: right, formed, thinking and in one language passes; each fault is named", () => {
  const cases: readonly [SampledTrace, string | undefined][] = [
    [trace(" <think> A 9 B 3 C 1 </think> <answer> 1 </answer>"), undefined],
    [trace(" <think> A 9 B 3 C 1 </think> <answer> 1 </answer>", PROMPT, false), "no end or form"],
    [trace(" A 9 B 3 C 1 = 1"), "no end or form"],
    [trace(" <think> A 9 B 3 C 1 </think> <answer> </answer>"), "no end or form"],
    [trace(" <think> A 9 B 3 C 2 </think> <answer> 2 </answer>"), "wrong answer"],
    [trace(" <think> </think> <answer> 1 </answer>"), "no thought"],
    [trace(" <think> A 9 B d C 1 </think> <answer> 1 </answer>"), "mixed language"],
    [trace(" <think> A j B d C b </think> <answer> b </answer>"), "mixed language"],
    [trace(" <think> </think> <answer> d c b </answer>", GENERAL), undefined],
    [trace(" <think> </think> <answer> 3 2 1 </answer>", GENERAL), "wrong answer"],
  ];
  for (const [sample, fault] of cases) assertEquals(traceFault(sample), fault, sample.completion);
});

Deno.test("TraceFilter: keeps the first of equal traces and counts all", () => {
  const filter = new TraceFilter();
  const good = trace(" <think> A 9 B 3 C 1 </think> <answer> 1 </answer>");
  const wrong = trace(" <think> A 9 B 3 C 2 </think> <answer> 2 </answer>");
  const kept = [good, wrong, good, wrong].map((sample) => filter.keeps(sample));
  assertEquals(kept, [true, false, false, false]);
  assertEquals(filter.counts, { sampled: 4, kept: 1, "wrong answer": 2, known: 1 });
});
