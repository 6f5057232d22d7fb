/** Tests of arranging the matrices behind keys and values: each form out of either kind of file, and their bytes. */
import { assertEquals } from "@std/assert";
import type { Weight } from "../../tensor.ts";
import type { ModelConfig } from "../config.ts";
import type { LatentConfig } from "../config/latent_config.ts";
import type { ParameterSource } from "../language_model.ts";
import { loadJointWeight, loadSplitWeights, rearrangedBytes } from "./latent_weights.ts";

const [HEADS, RANK, NOPE, VALUE] = [2, 3, 4, 5];
const LATENT: LatentConfig = {
  form: "absorbed",
  queryRank: 0,
  rank: RANK,
  nopeSize: NOPE,
  rotarySize: 2,
  valueSize: VALUE,
};
const CONFIG = { layers: 3, heads: HEADS, latent: LATENT } as ModelConfig;

/** A number that tells a head, a row of the joint matrix within it and a column. */
const entry = (head: number, row: number, col: number) => 10_000 * head + 100 * row + col;

const joint = Float32Array.from(
  { length: HEADS * (NOPE + VALUE) * RANK },
  (_, i) => {
    const row = Math.floor(i / RANK);
    return entry(Math.floor(row / (NOPE + VALUE)), row % (NOPE + VALUE), i % RANK);
  },
);
/** Keys `[H, R, N]` and values `[H, Dv, R]` of the same numbers. */
const keys = Float32Array.from({ length: HEADS * RANK * NOPE }, (_, i) => {
  const [head, within] = [Math.floor(i / (RANK * NOPE)), i % (RANK * NOPE)];
  return entry(head, within % NOPE, Math.floor(within / NOPE));
});
const values = Float32Array.from({ length: HEADS * VALUE * RANK }, (_, i) => {
  const [head, within] = [Math.floor(i / (VALUE * RANK)), i % (VALUE * RANK)];
  return entry(head, NOPE + Math.floor(within / RANK), within % RANK);
});

/** A file with these tensors; weights keep their numbers and the sizes that were asked for. */
function sourceOf(tensors: Readonly<Record<string, Float32Array>>): ParameterSource {
  const weight = (name: string, storage: unknown, rows: number, cols: number): Weight => ({
    ...{ name, type: "F32", rows, cols, storage },
  });
  return {
    has: (name) => name in tensors,
    matrix: (name, rows, cols) => Promise.resolve(weight(name, tensors[name], rows, cols)),
    bank: (name, parts, rows, cols) =>
      Promise.resolve(weight(name, tensors[name], parts * rows, cols)),
    values: (name) => Promise.resolve(tensors[name]),
    made: (name, made, parts, rows, cols) =>
      Promise.resolve(weight(name, made, parts * rows, cols)),
    vector: (name) => Promise.reject(new TypeError(`${name} is no matrix`)),
  };
}

const FILES = {
  split: sourceOf({ "blk.1.attn_k_b.weight": keys, "blk.1.attn_v_b.weight": values }),
  joint: sourceOf({ "blk.1.attn_kv_b.weight": joint }),
};

for (const [kind, source] of Object.entries(FILES)) {
  const place = { config: CONFIG, source, layer: 1, name: "blk.1" };

  Deno.test(`loadSplitWeights: keys and values of each head out of a ${kind} file`, async () => {
    const { keys: k, values: v } = await loadSplitWeights(place, LATENT);
    assertEquals([k.rows, k.cols, k.storage], [HEADS * RANK, NOPE, keys]);
    assertEquals([v.rows, v.cols, v.storage], [HEADS * VALUE, RANK, values]);
  });

  Deno.test(`loadJointWeight: keys and then values of each head out of a ${kind} file`, async () => {
    const { rows, cols, storage } = await loadJointWeight(place, LATENT);
    assertEquals([rows, cols, storage], [HEADS * (NOPE + VALUE), RANK, joint]);
  });
}

Deno.test("rearrangedBytes: what is made in f32 less what it stands for, where anything is made", () => {
  const made = 4 * joint.length;
  const madeBytes = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 4);
  const sizes = (of: Readonly<Record<string, number>>) => (name: string) => of[name.slice(6)];
  const jointFile = sizes({ "attn_kv_b.weight": 100 });
  const splitFile = sizes({ "attn_k_b.weight": 30, "attn_v_b.weight": 50 });
  const naive = { ...CONFIG, latent: { ...LATENT, form: "naive" as const } };
  assertEquals(rearrangedBytes(CONFIG, jointFile, madeBytes), 3 * (made - 100));
  assertEquals(rearrangedBytes(CONFIG, splitFile, madeBytes), 0);
  assertEquals(rearrangedBytes(naive, splitFile, madeBytes), 3 * (made - 80));
  assertEquals(rearrangedBytes(naive, jointFile, madeBytes), 0);
  assertEquals(rearrangedBytes({ ...CONFIG, latent: undefined }, jointFile, madeBytes), 0);
});
