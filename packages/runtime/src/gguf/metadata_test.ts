/** Tests of the typed metadata getters and of the packed strings. */
import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../errors.ts";
import { Metadata } from "./metadata.ts";
import { StringArray } from "./string_array.ts";

const METADATA = Metadata.from({
  name: "llama",
  layers: 2,
  theta: 0.5,
  bos: true,
  tokens: ["a", "", "Ġb"],
  types: Int32Array.of(1, -3),
  negative: -1,
});

Deno.test("Metadata: getters give values of their type", () => {
  assertEquals(METADATA.string("name"), "llama");
  assertEquals(METADATA.number("theta"), 0.5);
  assertEquals(METADATA.count("layers"), 2);
  assertEquals(METADATA.boolean("bos"), true);
  assertEquals([...METADATA.strings("tokens")], ["a", "", "Ġb"]);
  assertEquals(METADATA.numbers("types"), Int32Array.of(1, -3));
  assertEquals([METADATA.has("bos"), METADATA.has("eos")], [true, false]);
});

Deno.test("Metadata: optional getters give undefined for a missing key only", () => {
  assertEquals(METADATA.optionalString("none"), undefined);
  assertEquals(METADATA.optionalNumber("none"), undefined);
  assertEquals(METADATA.optionalCount("none"), undefined);
  assertEquals(METADATA.optionalBoolean("none"), undefined);
  assertEquals(METADATA.optionalStrings("none"), undefined);
  assertEquals(METADATA.optionalNumbers("none"), undefined);
  assertThrows(() => METADATA.optionalNumber("name"), ModelError, `found string "llama"`);
});

Deno.test("Metadata: errors name the key, the wanted and the found type", () => {
  const message = (run: () => unknown) => assertThrows(run, ModelError).message;
  assertEquals(
    message(() => METADATA.string("layers")),
    "Metadata key layers must be a string, found int64 2",
  );
  assertEquals(
    message(() => METADATA.strings("types")),
    "Metadata key types must be an array of strings, found array of 2 int32",
  );
  assertEquals(
    message(() => METADATA.count("negative")),
    "Metadata key negative must be a whole number >= 0, found int64 -1",
  );
  assertEquals(
    message(() => METADATA.numbers("eps")),
    "Metadata key eps is missing, wanted an array of numbers",
  );
});

Deno.test("Metadata: a 64-bit number beyond 2^53 is no number", () => {
  const metadata = new Metadata(new Map([["k", { type: "uint64", value: 2n ** 63n }]]));
  assertThrows(() => metadata.number("k"), ModelError, "found uint64 9223372036854775808");
});

Deno.test("Metadata: an empty array is an array of anything", () => {
  const metadata = Metadata.from({ none: [] });
  assertEquals(metadata.strings("none").length, 0);
  assertEquals(metadata.numbers("none").length, 0);
});

Deno.test("StringArray: gives strings and bytes by index and refuses other indexes", () => {
  const strings = StringArray.from(["", "né", "x"]);
  assertEquals([strings.length, strings.at(1), strings.at(2)], [3, "né", "x"]);
  assertEquals([...strings.bytes(1)], [0x6e, 0xc3, 0xa9]);
  assertThrows(() => strings.at(3), RangeError, "No string 3: the array holds 3");
  assertThrows(() => strings.at(-1), RangeError);
  assertThrows(() => strings.at(NaN), RangeError);
});
