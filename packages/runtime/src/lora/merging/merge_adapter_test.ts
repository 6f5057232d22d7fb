/** Tests of merge_adapter.ts that need no model: matrices of more rows than are in memory at a time, weights that are not there. */
import { assertEquals, assertRejects } from "@std/assert";
import { ggufBytes } from "../../../../../tests/support/gguf_bytes.ts";
import { tensorBytes, writtenModel } from "../../../../../tests/support/memory_sink.ts";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { ModelError } from "../../errors.ts";
import { openGguf } from "../../gguf/mod.ts";
import type { ModelConfig } from "../../model/config.ts";
import { mergedValues } from "../merge.ts";
import { mergeAdapter } from "./merge_adapter.ts";

/** Nothing but latent attention changes where an adapter goes. */
const CONFIG = {} as ModelConfig;
const NAME = "blk.0.attn_q.weight";
const [ROWS, COLS, RANK] = [700, 2048, 2];

function numbers(seed: number, count: number): Float32Array<ArrayBuffer> {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => random(2001) / 1000 - 1);
}

async function model() {
  const weight = numbers(1, ROWS * COLS);
  const data = new Uint8Array(weight.buffer);
  const tensors = [{ name: NAME, dims: [COLS, ROWS], type: "F32", data }];
  return { weight, opened: await openGguf(new Blob([ggufBytes({ metadata: [], tensors })])) };
}

Deno.test("mergeAdapter: rows in parts are those of the whole", async () => {
  const { weight, opened } = await model();
  const sizes = { rows: ROWS, cols: COLS, rank: RANK, scale: 0.5 };
  const adapter = { ...sizes, a: numbers(2, RANK * COLS), b: numbers(3, ROWS * RANK) };
  const values = [{ ...adapter, weight: NAME }];
  const merged = await writtenModel((sink) => mergeAdapter(opened, CONFIG, values, sink));
  const own = new Float32Array((await tensorBytes(merged, NAME)).buffer as ArrayBuffer);
  const wanted = mergedValues(weight, values[0]);
  assertEquals([own.length, own.findIndex((value, i) => value !== wanted[i])], [wanted.length, -1]);
  const lost = [{ ...adapter, weight: "blk.1.attn_q.weight" }];
  const refused = () => mergeAdapter(opened, CONFIG, lost, { write() {} });
  await assertRejects(refused, ModelError, "has no weight blk.1.attn_q.weight");
});
