/** Tests of telling a model's layers from those that guess: counted or not, without tensors, too many, other architectures. */
import { assertEquals, assertThrows } from "@std/assert";
import { UnsupportedError } from "../../errors.ts";
import { Metadata, type PlainValue } from "../../gguf/metadata.ts";
import { readLayers } from "./next_layers.ts";

/** Counts of a file with 62 blocks' worth of metadata and tensors of the blocks from 0 on up to `stored`. */
function counts(next: number | undefined, stored: number, blocks = 62, name = "deepseek2") {
  const values: Record<string, PlainValue> = { [`${name}.block_count`]: blocks };
  if (next !== undefined) values[`${name}.nextn_predict_layers`] = next;
  const has = (prefix: string) => Number(prefix.split(".")[1]) < stored;
  return readLayers(name, (key) => `${name}.${key}`, Metadata.from(values), has);
}

Deno.test("readLayers: the layer that guesses is counted among the blocks or stands after them", () => {
  assertEquals(counts(1, 62), { layers: 61, nextLayers: 1 });
  assertEquals(counts(1, 62, 61), { layers: 61, nextLayers: 1 });
});

Deno.test("readLayers: nothing said or nothing stored is a model without", () => {
  assertEquals(counts(undefined, 61, 61), { layers: 61 });
  assertEquals(counts(0, 61, 61), { layers: 61 });
  assertEquals(counts(1, 61), { layers: 61 });
  assertEquals(counts(1, 62, 62, "llama"), { layers: 62 });
  assertEquals(counts(4_000_000_000, 62), { layers: 62 }); // more than there are blocks
});

Deno.test("readLayers: more than one is not supported", () => {
  assertThrows(() => counts(2, 62), UnsupportedError, "A model with 2 layers for multi-token");
});
