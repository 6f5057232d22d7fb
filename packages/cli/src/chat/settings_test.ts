/** Tests of settings.ts: every setting of the command line by name, and refusals in the user's words. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../command.ts";
import { generationOptions } from "../generation_options.ts";
import { settingNames, settingText, withSetting } from "./settings.ts";

const set = (name: string, text: string) => withSetting({ seed: "3" }, name, text, `/set ${name}`);

Deno.test("withSetting: values arrive as the command line's do, auto takes them back", () => {
  assertEquals(generationOptions(set("temperature", "0.5")).temperature, 0.5);
  assertEquals(generationOptions(set("max-tokens", "7")).maxTokens, 7);
  assertEquals(generationOptions(set("think", "off")).think, "off");
  assertEquals(generationOptions(set("stop", "the end")).stop, ["the end"]);
  assertEquals(generationOptions(set("seed", "auto")).seed, undefined);
  assertEquals(generationOptions(set("top-k", "40")).seed, 3);
});

Deno.test("withSetting: unknown names and values are refused", () => {
  const wrong: [string, string, string][] = [
    ["temperature", "warm", '/set temperature "warm" is not allowed; give a number from 0 to 100'],
    ["top-p", "2", '/set top-p "2" is not allowed'],
    ["think", "hard", '/set think "hard" is not allowed; give on, off or a number'],
    ["temprature", "1", 'unknown setting "temprature"; did you mean temperature?'],
    ["system", "x", 'unknown setting "system"; settings are max-tokens, '],
    ["wat", "x", 'unknown setting "wat"; settings are max-tokens, '],
  ];
  for (const [name, text, message] of wrong) {
    assertThrows(() => set(name, text), UsageError, message);
  }
});

Deno.test("settingText: as it was given, auto where it was not", () => {
  const settings = { seed: "3", stop: ["a b", "c"], "ignore-eos": true };
  assertEquals(["seed", "stop", "ignore-eos", "top-k"].map((name) => settingText(settings, name)), [
    "3",
    '"a b" "c"',
    "on",
    "auto",
  ]);
  assertEquals(settingNames.includes("temperature") && !settingNames.includes("system"), true);
});
