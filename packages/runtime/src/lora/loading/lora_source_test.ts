/** Tests of lora_source.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { type LoraInput, namedLora } from "./lora_source.ts";

const named = (...lora: readonly LoraInput[]) =>
  namedLora(lora).map(({ name, isDefault, scale }) => [name, isDefault, scale]);

Deno.test("namedLora: those without names apply unasked, and are called by their place, each differently", () => {
  assertEquals(namedLora(), []);
  assertEquals(namedLora("a/sql.gguf").map(({ name }) => name), ["sql"]);
  const folder = new URL("file:///models/my adapter/");
  assertEquals(
    named("a/sql.gguf", { from: "b/x.gguf", name: "sql", scale: 0.5 }, "sql", folder, new Blob()),
    [
      ...[["sql-2", true, 1], ["sql", false, 0.5], ["sql-3", true, 1]],
      ...[["my_20adapter", true, 1], ["Blob", true, 1]],
    ],
  );
  assertEquals(named({ from: "a", name: "b", isDefault: true }, { from: "a", isDefault: false }), [
    ...[["b", true, 1], ["a", false, 1]],
  ]);
});

Deno.test("namedLora: names, factors and places that cannot be", () => {
  const one = { from: "a", name: "one" };
  assertThrows(() => namedLora([one, one]), RangeError, "Two adapters are called one");
  for (const name of ["", "a b", "a:b", "-a", 3 as unknown as string]) {
    assertThrows(() => namedLora({ from: "a", name }), RangeError, "cannot be called");
  }
  for (const scale of [NaN, Infinity, "1" as unknown as number]) {
    assertThrows(() => namedLora({ from: "a", scale }), RangeError, "The scale of an adapter is");
  }
  for (const wrong of [3, null, {}, { from: 3 }] as unknown as LoraInput[]) {
    assertThrows(() => namedLora([wrong]), TypeError, "lora holds what is no adapter");
  }
});
