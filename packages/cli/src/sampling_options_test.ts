/** Tests of sampling_options.ts: values as the library wants them, refusals by flag. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./command.ts";
import { samplingOptions, samplingOptionSpecs } from "./sampling_options.ts";

Deno.test("samplingOptions: every flag arrives as its option", () => {
  const values = {
    ...{ temperature: "0.5", "top-p": "0.9", "top-k": "40", "min-p": "0.05", seed: "7" },
    ...{ "repeat-penalty": "1.1", "repeat-last": "all", "min-tokens": "3", "ignore-eos": true },
    ...{ "presence-penalty": "-0.5", "frequency-penalty": "2" },
    "logit-bias": ["5=-100", "6=2.5", "7=-inf", "5=+.5"],
  };
  assertEquals(Object.keys(values).sort(), Object.keys(samplingOptionSpecs).sort());
  assertEquals(samplingOptions(values), {
    ...{ temperature: 0.5, topP: 0.9, topK: 40, minP: 0.05, seed: 7 },
    ...{ repeatPenalty: 1.1, repeatLastTokens: Infinity, minTokens: 3, ignoreEnd: true },
    ...{ presencePenalty: -0.5, frequencyPenalty: 2 },
    logitBias: { 5: 0.5, 6: 2.5, 7: -Infinity },
  });
  assertEquals(samplingOptions({ "repeat-last": "12" }).repeatLastTokens, 12);
  assertEquals(samplingOptions({}).logitBias, undefined);
});

Deno.test("samplingOptions: what is not allowed is refused by its flag", () => {
  const wrong: [string, string | string[]][] = [
    ["repeat-penalty", "0"],
    ["repeat-last", "-1"],
    ["repeat-last", "some"],
    ["presence-penalty", "2.5"],
    ["frequency-penalty", "x"],
    ["min-tokens", "-1"],
    ["logit-bias", ["5"]],
    ["logit-bias", ["5="]],
    ["logit-bias", ["-5=1"]],
    ["logit-bias", ["5=101"]],
    ["logit-bias", ["5=inf"]],
    ["logit-bias", ["1.5=1"]],
  ];
  for (const [name, value] of wrong) {
    assertThrows(() => samplingOptions({ [name]: value }), UsageError, `--${name} `);
  }
});
