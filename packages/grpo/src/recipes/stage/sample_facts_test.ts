/** Tests of sample_facts.ts: what is told of completions, and which are kept. */
import { assertEquals } from "@std/assert";
import type { Sample } from "../../run/step_record.ts";
import { withSampleFacts } from "./sample_facts.ts";

function sample(prompt: string, completion: string): Sample {
  return { prompt, completion, reward: 1, rewards: {}, tokens: 9, isFinished: true };
}

const CHAIN = "<s> <en> CHAIN A 9 B 4 ?";
const COUNTDOWN = "<s> <en> CD 6 9 7 : 0 ?";
const GENERAL = "<s> <en> REV 1 2 3 ?";
const TURNING = " <think> 6 * 9 4 + 7 1 x 6 - 9 7 + 7 4 x </think> <answer> 6 - 9 + 3 </answer>";

Deno.test("withSampleFacts: thoughts and accuracy by task; general tasks think nothing and do not count", () => {
  const samples = [
    sample(CHAIN, " <think> A 9 B 3 </think> <answer> 3 </answer>"),
    sample(CHAIN, " <think> </think> <answer> 4 </answer>"),
    sample(COUNTDOWN, TURNING),
    sample(COUNTDOWN, " <think> </think> <answer> 1 </answer>"),
    sample(GENERAL, " <think> </think> <answer> 3 2 1 </answer>"),
    sample(GENERAL, " <think> </think> <answer> d c b </answer>"),
  ];
  const record = { step: 1, totalSteps: 2, metrics: { reward: 1 }, samples };
  const { metrics, samples: kept } = withSampleFacts(record, 2);
  assertEquals(metrics, {
    reward: 1,
    "thought/mean_length": 5,
    "thought/language": 0.5,
    "thought/reflection": 0.25,
    "accuracy/CD": 0,
    "accuracy/CHAIN": 0.5,
    "accuracy/GENERAL": 0.5,
  });
  assertEquals(kept, [samples[0], samples[2], samples[4]]);
});
