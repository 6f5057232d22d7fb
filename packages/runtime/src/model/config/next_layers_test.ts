/** Tests of telling a model's layers from those that guess: counted or not, without tensors, too many, other architectures. */
import { assertEquals } from "@std/assert";
import { Metadata, type PlainValue } from "../../gguf/metadata.ts";
import { readLayers } from "./next_layers.ts";

/** Counts of a file with 62 blocks' worth of metadata and tensors of `stored` blocks, those from `guessing` on that guess. */
function counts(
  next: number | undefined,
  stored: number,
  blocks = 62,
  name = "deepseek2",
  guessing = 61,
) {
  const values: Record<string, PlainValue> = { [`${name}.block_count`]: blocks };
  if (next !== undefined) values[`${name}.nextn_predict_layers`] = next;
  const has = (prefix: string) => {
    const [, layer, part] = prefix.split(".");
    return Number(layer) < stored && (part !== "nextn" || Number(layer) >= guessing);
  };
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
  assertEquals(counts(1, 61, 61), { layers: 61 });
  assertEquals(counts(1, 62, 62, "llama"), { layers: 62 });
  assertEquals(counts(4_000_000_000, 62), { layers: 62 }); // more than there are blocks
});

Deno.test("readLayers: more than one", () => {
  assertEquals(counts(2, 62, 62, "deepseek2", 60), { layers: 60, nextLayers: 2 });
  assertEquals(counts(2, 62, 60, "deepseek2", 60), { layers: 60, nextLayers: 2 });
});
