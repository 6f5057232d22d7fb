/** Tests of the bytes that a packed tensor takes, as told for the memory plan and as allocated. Packs nothing. */
import { assertEquals } from "@std/assert";
import type { CoreExports } from "./core.ts";
import type { WasmMemory } from "./memory.ts";
import { packedBytes, WeightLoader } from "./weight_loader.ts";

Deno.test("packedBytes: what the loader allocates for a matrix, and for a bank expert by expert", async () => {
  for (
    const [cols, rows, experts] of [[12, 16, 1], [12, 10, 1], [12, 10, 5], [12, 8, 3]] as const
  ) {
    const allocated: number[] = [];
    const memory = {
      allocate: (bytes: number) => allocated.push(bytes),
      bytes: (_: number, length: number) => new Uint8Array(length),
    };
    const core = { pack_rows: () => 0 };
    const loader = new WeightLoader(
      core as unknown as CoreExports,
      memory as unknown as WasmMemory,
    );
    const sizeBytes = 4 * cols * rows * experts;
    const stored = { name: "t", type: "F32", rows: rows * experts, cols, experts, sizeBytes };
    await loader.loadWeight(stored, () => Promise.resolve());
    assertEquals(packedBytes([cols, rows, experts], sizeBytes), allocated[0]);
  }
  assertEquals(packedBytes([7], 28), 28);
});
