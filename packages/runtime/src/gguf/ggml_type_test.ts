/** Tests of the table of block formats. */
import { assert, assertEquals } from "@std/assert";
import { GGML_TYPES, ggmlTypeById, ggmlTypeByName } from "./ggml_type.ts";

Deno.test("ggmlTypeById: finds by number and by name, and nothing else", () => {
  assertEquals(ggmlTypeById(14), { id: 14, name: "Q6_K", blockSize: 256, blockBytes: 210 });
  assertEquals(ggmlTypeByName("BF16")?.id, 30);
  assertEquals(ggmlTypeById(4), undefined);
  assertEquals(ggmlTypeByName("q6_k"), undefined);
});

Deno.test("GGML_TYPES: numbers and names are given once, sizes are sound", () => {
  assertEquals(new Set(GGML_TYPES.map(({ id }) => id)).size, GGML_TYPES.length);
  assertEquals(new Set(GGML_TYPES.map(({ name }) => name)).size, GGML_TYPES.length);
  for (const { name, blockSize, blockBytes } of GGML_TYPES) {
    assert(blockBytes * 8 / blockSize <= 64 && blockBytes * 8 / blockSize >= 1, name);
  }
});
