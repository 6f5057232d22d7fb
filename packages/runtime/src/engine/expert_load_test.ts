/** Tests of `ExpertLoad`: what is traced is counted by layer, late reads too. */
import { assertEquals, assertThrows } from "@std/assert";
import type { Routing } from "../ops.ts";
import type { Tensor } from "../tensor.ts";
import { ExpertLoad, loadImbalance } from "./expert_load.ts";

/** A routing whose ids come back from `readInts` below. */
function routing(
  ids: readonly number[],
  used: number,
  expertCount: number,
  shares = ids.map(() => 1 / used),
): Routing {
  const rows = ids.length / used;
  const tensor = (type: "i32" | "f32", storage: readonly number[]): Tensor => (
    { type, shape: [rows, used], storage }
  );
  const [experts, weights] = [tensor("i32", ids), tensor("f32", shares)];
  return { rows, used, expertCount, experts, weights };
}

/** Copies at once, answers later, as backends do. */
const ops = {
  readInts: ({ storage }: Tensor): Promise<Int32Array> =>
    Promise.resolve(Int32Array.from(storage as number[])),
  read: ({ storage }: Tensor): Promise<Float32Array> =>
    Promise.resolve(Float32Array.from(storage as number[])),
};

Deno.test("ExpertLoad: counts choices of each layer, those of several passes together", async () => {
  const load = new ExpertLoad(ops);
  load.routing(1, routing([0, 2, 2, 3, 0, 2], 2, 4));
  load.routing(2, routing([1, 1, 0], 1, 2));
  load.routing(1, routing([1, 2], 2, 4));
  const counts = await load.counts();
  assertEquals([...counts.keys()], [1, 2]);
  assertEquals([...counts.get(1) ?? []], [2, 1, 4, 1]);
  assertEquals([...counts.get(2) ?? []], [1, 2]);
  load.routing(1, routing([1, 2], 2, 4));
  assertEquals([...(await load.counts()).get(1) ?? []], [2, 2, 5, 1]);
  load.reset();
  assertEquals((await load.counts()).size, 0);
});

Deno.test("ExpertLoad: what was traced before a reset and read after it is not counted", async () => {
  const load = new ExpertLoad(ops);
  load.routing(1, routing([0, 2], 2, 4));
  load.reset();
  load.routing(1, routing([1, 2], 2, 4));
  assertEquals([...(await load.counts()).get(1) ?? []], [0, 1, 1, 0]);
});

Deno.test("ExpertLoad: rows whose scores were not finite chose nothing", async () => {
  const load = new ExpertLoad(ops);
  load.routing(1, routing([0, 1, 2, 3], 2, 4, [NaN, NaN, 0.5, 0.5]));
  assertEquals([...(await load.counts()).get(1) ?? []], [0, 0, 1, 1]);
});

Deno.test("ExpertLoad: a layer keeps its number of experts", () => {
  const load = new ExpertLoad(ops);
  load.add(1, Int32Array.of(0, 1), 4);
  assertThrows(() => load.add(1, Int32Array.of(0), 8), RangeError, "Layer 1 has 4 experts, not 8");
});

Deno.test("loadImbalance: the largest share over an even one", () => {
  assertEquals(loadImbalance(Float64Array.of(3, 3, 3)), 1);
  assertEquals(loadImbalance(Float64Array.of(6, 0, 0)), 3);
  assertEquals(loadImbalance(Float64Array.of(0, 0)), 1);
});
