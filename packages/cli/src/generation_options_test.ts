/** Tests of generation_options.ts: values as the library wants them, refusals by flag. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./command.ts";
import { generationOptions } from "./generation_options.ts";

Deno.test("generationOptions: every flag arrives as its option", () => {
  const { maxTokens, stop, think, temperature, seed } = generationOptions({
    ...{ "max-tokens": "9", stop: ["a", "b"], think: "12", temperature: "0.5", seed: "7" },
  });
  assertEquals([maxTokens, stop, think, temperature, seed], [9, ["a", "b"], 12, 0.5, 7]);
  assertEquals(generationOptions({ think: "off" }).think, "off");
  for (const speculate of ["auto", "lookup", "mtp", "off"] as const) {
    assertEquals(generationOptions({ speculate }).speculation, speculate);
  }
  assertEquals(generationOptions({}).maxTokens, undefined);
});

Deno.test("generationOptions: what is not allowed is refused by its flag", () => {
  const wrong: [string, string | string[]][] = [
    ["max-tokens", "-1"],
    ["max-tokens", "many"],
    ["stop", ["a", ""]],
    ["think", "hard"],
    ["think", "-1"],
    ["speculate", "on"],
    ["temperature", "x"],
  ];
  for (const [name, value] of wrong) {
    assertThrows(() => generationOptions({ [name]: value }), UsageError, `--${name} `);
  }
});
