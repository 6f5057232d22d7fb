/** `attend` as cases in SmolLM2-135M's sizes: a token of each of some sequences, or a prompt. Layers take turns, so keys come from memory. */
import { type KvType, PAGE_TOKENS, pageBytes } from "../../packages/runtime/src/kv_cache.ts";
import type { BenchCore } from "./bench_core.ts";
import type { KernelCase, Prepared } from "./kernel_case.ts";
import { randomBytes, randomFloats } from "./random_rows.ts";

const LAYERS = 30;
const HEADS = 9;
const KV_HEADS = 3;
const HEAD_SIZE = 64;
/** Tokens that a decoding sequence sees. */
const CONTEXT_TOKENS = 512;
/** More rows than this are one prompt; up to this many are sequences that decode at once. */
const MAX_SEQUENCES = 8;
const SEED = 3;
const SHAPE = { layers: LAYERS, kvHeads: KV_HEADS, keySize: HEAD_SIZE, valueSize: HEAD_SIZE };
/** What `attend` calls pages of a type. */
export const PAGE_TYPES: Readonly<Record<KvType, number>> = { f32: 0, f16: 1, q8_0: 8 };

/** Keys and values of a type of cache. */
export function attendCase(type: KvType, rows: number): KernelCase {
  const isPrompt = rows > MAX_SEQUENCES;
  const keys = isPrompt ? rows * (rows + 1) / 2 : rows * CONTEXT_TOKENS;
  const read = isPrompt ? rows : rows * CONTEXT_TOKENS;
  return {
    ...{ kernel: `attend ${type}`, rows, macs: 2 * keys * HEADS * HEAD_SIZE },
    shape: isPrompt ? "prompt" : `context ${CONTEXT_TOKENS}`,
    bytes: read * pageBytes({ ...SHAPE, layers: 1, type }) / PAGE_TOKENS,
    prepare: (core) => prepare(core, type, rows, isPrompt),
  };
}

function prepare(core: BenchCore, type: KvType, rows: number, isPrompt: boolean): Prepared {
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
  const q = core.place(randomFloats(rows * HEADS * HEAD_SIZE, SEED + 1));
  const [k, v] = [2, 3].map((at) =>
    core.place(randomFloats(rows * KV_HEADS * HEAD_SIZE, SEED + at))
  );
  const out = core.room(4 * rows * HEADS * HEAD_SIZE);
  return {
    copies: isPrompt ? 1 : LAYERS,
    run: (layer) =>
      core.exports.attend(
        ...[q, k, v, out, positions, tables, rows, HEADS, KV_HEADS, HEAD_SIZE, HEAD_SIZE] as const,
        ...[HEAD_SIZE ** -0.5, layer * bytes / LAYERS, PAGE_TYPES[type]] as const,
      ),
    output: () => core.read(out, rows * HEADS * HEAD_SIZE),
  };
}

/** Numbers that are finite. Of q8_0 every byte may begin an f16 scale: none of its exponents is large. */
export function randomPage(type: KvType, bytes: number): Float32Array | Uint16Array | Uint8Array {
  if (type === "q8_0") return randomBytes(bytes, SEED).map((byte) => byte & 0xa7);
  const floats = randomFloats(bytes / (type === "f16" ? 2 : 4), SEED);
  return type === "f32" ? floats : Uint16Array.from(floats, halfBits);
}

/** f16 with the sign and the size of a number between -1 and 1, roughly: keys need no more. */
function halfBits(value: number): number {
  return (value < 0 ? 0x8000 : 0) | 0x2800 | Math.abs(value) * 0x3ff;
}
