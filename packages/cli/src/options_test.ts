/** Tests of options.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { type OptionValues, UsageError } from "./command.ts";
import {
  choiceOption,
  durationOption,
  flagOption,
  idsOption,
  integerOption,
  listOption,
  numberOption,
  sizeOption,
  stringOption,
} from "./options.ts";

function refused(read: (values: OptionValues) => unknown, texts: string[], message: string): void {
  for (const text of texts) {
    assertThrows(() => read({ x: text }), UsageError, `--x ${JSON.stringify(text)} `);
    assertThrows(() => read({ x: text }), UsageError, message);
  }
}

Deno.test("options: what was not given is undefined, empty or false", () => {
  for (
    const read of [stringOption, numberOption, integerOption, sizeOption, durationOption, idsOption]
  ) {
    assertEquals(read({}, "x"), undefined);
  }
  assertEquals(choiceOption({}, "x", ["a"]), undefined);
  assertEquals([listOption({}, "x"), flagOption({}, "x")], [[], false]);
});

Deno.test("numberOption: decimal numbers within the limits", () => {
  const texts = ["0", "1.5", "-2", ".5", "1e-3", "+3"];
  assertEquals(texts.map((x) => numberOption({ x }, "x")), [0, 1.5, -2, 0.5, 0.001, 3]);
  const bad = ["", "abc", "1,5", "0x10", "NaN", "Infinity", "1e999", " 1", "1-2"];
  refused((values) => numberOption(values, "x"), bad, "give a number");
  const inside = (values: OptionValues): unknown => numberOption(values, "x", { min: 0, max: 2 });
  assertEquals([inside({ x: "0" }), inside({ x: "2" })], [0, 2]);
  refused(inside, ["-0.1", "2.1"], "give a number from 0 to 2");
});

Deno.test("integerOption: whole numbers within the limits", () => {
  assertEquals([integerOption({ x: "12" }, "x"), integerOption({ x: "-3" }, "x")], [12, -3]);
  const read = (values: OptionValues): unknown => integerOption(values, "x", { min: 1 });
  const bad = ["0", "abc", "1.0", "1e3", "", "99999999999999999999"];
  refused(read, bad, "give a whole number of at least 1");
  refused((values) => integerOption(values, "x", { max: 3 }), ["4"], "of at most 3");
});

Deno.test("sizeOption: bytes with units", () => {
  const texts = ["4096", "3GiB", "512MiB", "1.5GB", "2g", "1 KiB", "7b"];
  const sizes = [4096, 3 * 2 ** 30, 2 ** 29, 1.5e9, 2 ** 31, 1024, 7];
  assertEquals(texts.map((x) => sizeOption({ x }, "x")), sizes);
  const bad = ["", "0", "GiB", "3XB", "-1GiB", "1e3", "99999999TiB", "3 toString"];
  refused((values) => sizeOption(values, "x"), bad, "a size such as 3GiB");
});

Deno.test("choiceOption: one of the words", () => {
  assertEquals(choiceOption({ x: "f16" }, "x", ["auto", "f16"]), "f16");
  refused((values) => choiceOption(values, "x", ["auto", "f16"]), ["F16", ""], "auto, f16");
});

Deno.test("idsOption: ids with commas", () => {
  assertEquals(idsOption({ x: "1,2, 30" }, "x"), [1, 2, 30]);
  assertEquals(idsOption({ x: "" }, "x"), []);
  const bad = ["1,,2", "a", "1.5", "-1", "1 2", "1,"];
  refused((values) => idsOption(values, "x"), bad, "token ids such as 1,2,3");
});

Deno.test("listOption, stringOption, flagOption: as parsed", () => {
  assertEquals(listOption({ x: ["a", "b"] }, "x"), ["a", "b"]);
  assertEquals([stringOption({ x: "a" }, "x"), flagOption({ x: true }, "x")], ["a", true]);
});

Deno.test("durationOption: milliseconds of a number with its unit", () => {
  const read = (values: OptionValues) => durationOption(values, "x");
  const given = { "500ms": 500, "90s": 90_000, "1.5h": 5_400_000, "10m": 600_000, "0s": 0 };
  for (const [text, ms] of Object.entries(given)) assertEquals(read({ x: text }), ms);
  refused(read, ["", "5", "s", "5 m", "-1s", "1d", "1h30m"], "a duration such as 90s, 5m or 1.5h");
});
