/** Rows of every weight format as a file has them, with random quants under small scales. Packs and computes nothing. */
import {
  PACKED_TYPES,
  type PackedType,
} from "../../packages/runtime/src/backend/wasm/weight_loader.ts";

/** The formats that have kernels. */
export const WEIGHT_FORMATS: readonly string[] = Object.keys(PACKED_TYPES);

/** Byte offsets of the f16 numbers of a block; the other bytes may be anything, but for IQ1_M's. */
const HALVES: Readonly<Record<string, readonly number[]>> = {
  F16: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
  TQ1_0: [52],
  TQ2_0: [64],
};
/** Where IQ1_M's block holds the upper 4 bits of its f16 number. */
const IQ1_M_SCALE = 55;

/** A format by its name. */
export function packedType(format: string): PackedType {
  const type = PACKED_TYPES[format];
  if (type) return type;
  throw new RangeError(`${format} is no format with kernels: ${WEIGHT_FORMATS.join(", ")} are`);
}

/** `rows` rows of `cols` weights; every number in them is finite. The same seed gives the same bytes. */
export function randomRows(format: string, rows: number, cols: number, seed: number): Uint8Array {
  const { blockSize, blockBytes } = packedType(format);
  const bytes = randomBytes((rows * cols / blockSize) * blockBytes, seed);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    for (const offset of HALVES[format] ?? []) {
      const half = view.getUint16(at + offset, true);
      view.setUint16(at + offset, 0x2000 | half & 0x83ff, true); // 2^-7 to 2^-6, either sign
    }
    if (format === "IQ1_M") {
      bytes[at + IQ1_M_SCALE] = 0x20 | bytes[at + IQ1_M_SCALE] & 0x8f; // 2^-7 to 2^-3, either sign
    } else if (format === "BF16") {
      view.setUint16(at, 0x3c00 | view.getUint16(at, true) & 0x807f, true);
    } else if (format === "F32") {
      view.setFloat32(at, view.getInt32(at, true) / 2 ** 37, true);
    }
  }
  return bytes;
}

/** Numbers from -1 to 1. */
export function randomFloats(count: number, seed: number): Float32Array {
  const words = new Int32Array(randomBytes(4 * count, seed).buffer);
  return Float32Array.from(words, (word) => word / 2 ** 31);
}

/** Any bytes: xorshift32 (Marsaglia 2003). The same seed gives the same bytes. */
export function randomBytes(count: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(count / 4));
  let state = (seed * 2 + 1) >>> 0;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, count);
}
