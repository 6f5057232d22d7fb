/** Tests of served_options.ts. */
import { assertEquals } from "@std/assert";
import { formatOf, servedOptions, thinkOf } from "./served_options.ts";

const body = { model: "m" };

Deno.test("servedOptions: every option has its place", () => {
  const options = {
    ...{ seed: 7, temperature: 0.5, top_k: 20, top_p: 0.9, min_p: 0.1, num_ctx: 64 },
    ...{ num_predict: 12, num_keep: 3, repeat_penalty: 1.2, repeat_last_n: 32 },
    ...{ presence_penalty: 0.5, frequency_penalty: -0.5, stop: ["END", ""], num_gpu: 1 },
  };
  const mapped = servedOptions({ ...body, options, shift: true, logprobs: true, top_logprobs: 2 });
  assertEquals(mapped, {
    ...{ maxTokens: 12, seed: 7, temperature: 0.5, topK: 20, topP: 0.9, minP: 0.1 },
    ...{ repeatPenalty: 1.2, repeatLastTokens: 32, presencePenalty: 0.5, frequencyPenalty: -0.5 },
    ...{ stop: ["END"], onFullContext: "slide", keepTokens: 3, topLogprobs: 2 },
  });
});

Deno.test("servedOptions: words for none, all and any", () => {
  const of = (options: Record<string, number | string | null>) =>
    servedOptions({ ...body, options });
  assertEquals(of({}), {});
  assertEquals(of({ seed: -1, num_predict: -1, temperature: null, stop: "" }), {});
  assertEquals(of({ num_predict: -2 }), {});
  assertEquals(of({ top_k: -1 }), { topK: 0 });
  assertEquals(of({ top_k: 2 ** 40 }), { topK: 2 ** 31 - 1 });
  assertEquals(of({ repeat_last_n: -1 }), { repeatLastTokens: Infinity });
  assertEquals(of({ repeat_last_n: 0 }), { repeatLastTokens: 0 });
  assertEquals(of({ stop: "END" }), { stop: ["END"] });
  assertEquals(servedOptions({ ...body, top_logprobs: 3 }), {});
});

Deno.test("servedOptions: the server's bound holds whatever is asked for", () => {
  const of = (num_predict?: number) => servedOptions({ ...body, options: { num_predict } }, 10);
  assertEquals([of(), of(-1), of(100)].map(({ maxTokens }) => maxTokens), [10, 10, 10]);
  assertEquals([of(4), of(0)].map(({ maxTokens }) => maxTokens), [4, 0]);
});

Deno.test("thinkOf: on, off, budgets", () => {
  const words = [undefined, null, true, false, "low", "medium", "high", "max"] as const;
  assertEquals(words.map((think) => thinkOf({ think })), [
    ...[undefined, undefined, "on", "off", 512, 2_048, 8_192, "on"] as const,
  ]);
});

Deno.test("formatOf: JSON, a schema, any text", () => {
  assertEquals([undefined, null, ""].map((format) => formatOf({ format: format as "" })), [
    ...[undefined, undefined, undefined],
  ]);
  assertEquals(formatOf({ format: "json" }), "json");
  assertEquals(formatOf({ format: { type: "object" } }), { schema: { type: "object" } });
});
