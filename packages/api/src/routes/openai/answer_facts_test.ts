/** Tests of answer_facts.ts. */
import { assertEquals } from "@std/assert";
import { wireLogprobs, wireTimings, wireUsage } from "./answer_facts.ts";

Deno.test("wireLogprobs: parts of characters have their bytes, the impossible a number", () => {
  const part = { id: 1, bytes: new Uint8Array([0xf0, 0x9f]), logprob: -Infinity };
  assertEquals(wireLogprobs([{ ...part, top: [part] }]), [{
    ...{ token: "\ufffd", logprob: -9999, bytes: [0xf0, 0x9f] },
    top_logprobs: [{ token: "\ufffd", logprob: -9999, bytes: [0xf0, 0x9f] }],
  }]);
});

Deno.test("wireTimings: numbers where a clock was too coarse, drafts where there were any", () => {
  const usage = {
    ...{ promptTokens: 4, cachedPromptTokens: 4, completionTokens: 0, reasoningTokens: 0 },
  };
  const timings = {
    ...{ promptTokens: 4, promptTokensPerSecond: 0, timeToFirstTokenMs: 0, generatedTokens: 0 },
    ...{ tokensPerSecond: 0, draftedTokens: 0, acceptedTokens: 0 },
  };
  const found = wireTimings(usage, timings);
  assertEquals(Object.values(found).every(Number.isFinite), true);
  assertEquals("draft_n" in found, false);
  const drafted = wireTimings(usage, { ...timings, draftedTokens: 5, acceptedTokens: 3 });
  assertEquals([drafted.draft_n, drafted.draft_n_accepted], [5, 3]);
});

Deno.test("wireUsage: hits and misses are the prompt, no cost without prices", () => {
  const usage = wireUsage({
    ...{ promptTokens: 10, cachedPromptTokens: 4, completionTokens: 3, reasoningTokens: 1 },
  });
  assertEquals(usage.prompt_cache_hit_tokens + usage.prompt_cache_miss_tokens, usage.prompt_tokens);
  assertEquals("cost" in usage, false);
});
