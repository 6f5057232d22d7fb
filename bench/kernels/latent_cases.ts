/** The ops of latent attention as cases in the sizes of DeepSeek-V2-Lite (16 heads) and V3 (128): attention over a cache of
 * some layers, and the products of each head. */
import { type KvType, PAGE_TOKENS, pageBytes } from "../../packages/runtime/src/kv_cache.ts";
import { PAGE_TYPES, randomPage } from "./attend_cases.ts";
import type { BenchCore } from "./bench_core.ts";
import type { KernelCase, Prepared } from "./kernel_case.ts";
import { packedType, randomFloats, randomRows } from "./random_rows.ts";

const LAYERS = 27;
const RANK = 512;
const ROTARY_SIZE = 64;
const HEAD_SIZE = 128;
const HEADS = [16, 128];
/** Tokens that a decoding sequence sees. */
const CONTEXT_TOKENS = 512;
/** More rows than this are one prompt; up to this many are sequences that decode at once. */
const MAX_SEQUENCES = 8;
const SEED = 5;
const KEY_SIZE = RANK + ROTARY_SIZE;
const SHAPE = { layers: LAYERS, kvHeads: 1, keySize: KEY_SIZE, valueSize: 0 };

/** All cases of a count of rows. */
export function latentCases(rows: number): KernelCase[] {
  const types = ["f16", "f32", "q8_0"] as const;
  return HEADS.flatMap((heads) => [
    ...types.map((type) => attendCase(type, heads, rows)),
    productCase(heads, rows, HEAD_SIZE, RANK),
    productCase(heads, rows, RANK, HEAD_SIZE),
  ]);
}

function attendCase(type: KvType, heads: number, rows: number): KernelCase {
  const isPrompt = rows > MAX_SEQUENCES;
  const keys = isPrompt ? rows * (rows + 1) / 2 : rows * CONTEXT_TOKENS;
  const read = isPrompt ? rows : rows * CONTEXT_TOKENS;
  return {
    ...{ kernel: `latent_attend ${type}`, shape: `${heads} heads`, rows },
    macs: keys * heads * (KEY_SIZE + RANK),
    bytes: read * pageBytes({ ...SHAPE, layers: 1, type }) / PAGE_TOKENS,
    prepare: (core) => prepareAttention(core, type, heads, rows, isPrompt),
  };
}

function prepareAttention(
  core: BenchCore,
  type: KvType,
  heads: number,
  rows: number,
  isPrompt: boolean,
): Prepared {
  const bytes = pageBytes({ ...SHAPE, type });
  const tokens = isPrompt ? rows : CONTEXT_TOKENS;
  const page = randomPage(type, bytes);
  const list = (): number => {
    const pages = Array.from({ length: Math.ceil(tokens / PAGE_TOKENS) }, () => core.place(page));
    return core.place(Int32Array.from(pages));
  };
  const lists = Array.from({ length: isPrompt ? 1 : rows }, list);
  const each = Array.from({ length: rows }, (_, row) => row);
  const tables = core.place(Int32Array.from(each, (row) => lists[isPrompt ? 0 : row]));
  const positions = core.place(Int32Array.from(each, (row) => isPrompt ? row : tokens - 1));
  const q = core.place(randomFloats(rows * heads * KEY_SIZE, SEED));
  const latent = core.place(randomFloats(rows * KEY_SIZE, SEED + 1));
  const out = core.room(4 * rows * heads * RANK);
  return {
    copies: isPrompt ? 1 : LAYERS,
    run: (layer) =>
      core.exports.latent_attend(
        ...[q, latent, out, positions, tables, rows, heads, RANK, ROTARY_SIZE] as const,
        ...[KEY_SIZE ** -0.5, layer * bytes / LAYERS, PAGE_TYPES[type]] as const,
      ),
    output: () => core.read(out, rows * heads * RANK),
  };
}

/** `head_linear` of Q8_0, whose blocks divide each head. */
function productCase(heads: number, rows: number, cols: number, outputs: number): KernelCase {
  const { blockSize, blockBytes } = packedType("Q8_0");
  return {
    ...{ kernel: "head_linear Q8_0", shape: `${heads}x${cols}x${outputs}`, rows },
    macs: rows * heads * cols * outputs,
    bytes: heads * outputs * cols / blockSize * blockBytes,
    prepare: (core) => prepareProduct(core, heads, rows, cols, outputs),
  };
}

function prepareProduct(
  core: BenchCore,
  heads: number,
  rows: number,
  cols: number,
  outputs: number,
): Prepared {
  const { exports } = core;
  const { id } = packedType("Q8_0");
  const x = core.place(randomFloats(rows * heads * cols, SEED));
  const act = core.room(exports.activation_bytes(rows, heads * cols));
  exports.quantize_rows(x, act, rows, heads * cols);
  const copies = rows > MAX_SEQUENCES ? 1 : LAYERS;
  const file = core.place(randomRows("Q8_0", heads * outputs, cols, SEED));
  const packed = Array.from({ length: copies }, () => {
    const to = core.room(exports.packed_bytes(id, heads * outputs, cols));
    exports.pack_rows(id, file, to, heads * outputs / 8, cols, 8);
    return to;
  });
  const out = core.room(4 * rows * heads * outputs);
  return {
    copies,
    run: (copy) =>
      exports.head_linear(id, x, act, packed[copy], 0, out, rows, heads, cols, outputs),
    output: () => core.read(out, rows * heads * outputs),
  };
}
