/** Tests of arena.ts over a memory that only counts. */
import { assertEquals } from "@std/assert";
import { Arena, ARENA_START } from "./arena.ts";
import type { WasmMemory } from "./memory.ts";

function arena(blockBytes: number): { arena: Arena; blocks: number[] } {
  const blocks: number[] = [];
  const allocate = (bytes: number): number => blocks.push(bytes) * 2 ** 20;
  return { arena: new Arena({ allocate } as WasmMemory, blockBytes), blocks };
}

Deno.test("Arena: the room that a large tensor leaves is filled by smaller ones", () => {
  const { arena: own, blocks } = arena(1024);
  const first = own.allocate(640);
  own.allocate(4096);
  assertEquals(own.allocate(1), first + 640);
  assertEquals(own.allocate(320), first + 704);
  assertEquals(blocks, [1024, 4096]);
});

Deno.test("Arena: rewinding frees what was made since, and a steady loop allocates nothing", () => {
  const { arena: own, blocks } = arena(1024);
  own.allocate(64);
  const mark = own.mark();
  const places = (): number[] => [300, 2000, 600, 900].map((bytes) => own.allocate(bytes));
  const once = places();
  const size = blocks.length;
  for (let round = 0; round < 3; round++) {
    own.rewind(mark);
    assertEquals(places(), once);
  }
  assertEquals(blocks.length, size);
  own.rewind(ARENA_START);
  assertEquals(own.allocate(1), 2 ** 20);
});
