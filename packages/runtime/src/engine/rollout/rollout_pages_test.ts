/** Tests of how many completions run at once and what pages they need. */
import { assertEquals } from "@std/assert";
import { type KvShape, pageBytes } from "../../kv_cache.ts";
import { roomFor } from "./rollout_pages.ts";
import type { RolloutRequest } from "./rollout_request.ts";

const SHAPE: KvShape = { layers: 1, kvHeads: 1, keySize: 4, valueSize: 4, type: "f32" };

function request(lengths: readonly number[], rest: Partial<RolloutRequest>): RolloutRequest {
  return {
    ...{ prompts: lengths.map((length) => new Int32Array(length)), group: 4, maxTokens: 40 },
    ...{ temperature: 1, endIds: [], draw: () => ({ seed: [0, 0], choice: 0 }), ...rest },
  };
}

Deno.test("roomFor: own pages of each completion, and those of the prompts", () => {
  // 33 tokens: 32 are fed before, in a page of its own, and 40 more begin two.
  assertEquals(roomFor(request([33], {}), SHAPE), { sequences: 4, pages: 4 * 2 + 1 });
  // 32: 31 are fed before, and a page that is not full is each completion's own.
  assertEquals(roomFor(request([32], {}), SHAPE), { sequences: 4, pages: 4 * 3 + 1 });
  assertEquals(roomFor(request([1], {}), SHAPE), { sequences: 4, pages: 4 * 2 });
  const some = request([33, 1, 65], { mostSequences: 2 });
  assertEquals(roomFor(some, SHAPE), { sequences: 2, pages: 2 * 2 + 2 + 1 });
  assertEquals(roomFor(request([], {}), SHAPE), { sequences: 0, pages: 0 });
});

Deno.test("roomFor: unasked, keys and values stay within a gigabyte, and rows within 256", () => {
  const many = request(new Array(100).fill(1), {});
  assertEquals(roomFor(many, SHAPE).sequences, 256);
  const wide = { ...SHAPE, layers: 64, kvHeads: 64 };
  const { sequences, pages } = roomFor(many, wide);
  assertEquals([sequences, pages * pageBytes(wide) <= 2 ** 30], [128, true]);
  assertEquals(roomFor({ ...many, mostSequences: 300 }, wide).sequences, 300);
});
