/** Formats of weights as they stand in the file, read by WGSL: text that dequantizes 32 columns into scalars. No packing. */

/** A format of matrices. `w` is the buffer's name in every kernel. */
export interface WeightFormat {
  /** Columns and bytes of a block of the file. */
  readonly blockCols: number;
  readonly blockBytes: number;
  /** Declares `w0` to `w7` (vec4f): columns `32 b` to `32 b + 31` of row `n`. */
  readonly columns: (cols: number) => string;
}

/** Blocks of 18 or 210 bytes stand on even bytes only: words are made of two halves. */
const HALVES = `
fn half_at(h: u32) -> u32 { return (w[h / 2u] >> (16u * (h & 1u))) & 0xffffu; }
fn word_at(h: u32) -> u32 { return half_at(h) | (half_at(h + 1u) << 16u); }
fn float_at(h: u32) -> f32 { return unpack2x16float(half_at(h)).x; }
fn signed_byte(h: u32, upper: u32) -> f32 { return f32(extractBits(bitcast<i32>(half_at(h)), 8u * upper, 8u)); }
`;

/** Functions that `columns` calls; they read `w`. */
export const FORMAT_FUNCTIONS: string = HALVES;

const quads = (line: (i: number) => string): string =>
  Array.from({ length: 8 }, (_, i) => line(i)).join("\n");

const F32: WeightFormat = {
  blockCols: 1,
  blockBytes: 4,
  columns: (cols) =>
    `let at = n * ${cols}u + 32u * b;\n` +
    quads((i) => {
      const word = (j: number) => `w[at + ${4 * i + j}u]`;
      return `let w${i} = bitcast<vec4f>(vec4u(${[0, 1, 2, 3].map(word)}));`;
    }),
};

const F16: WeightFormat = {
  blockCols: 1,
  blockBytes: 2,
  columns: (cols) =>
    `let at = n * ${cols / 2}u + 16u * b;\n` +
    quads((i) => {
      const pair = (j: number) => `unpack2x16float(w[at + ${2 * i + j}u])`;
      return `let w${i} = vec4f(${pair(0)}, ${pair(1)});`;
    }),
};

/** f16 scale d, then 16 bytes: low nibbles are columns 0 to 15, high ones 16 to 31; d * (q - 8). */
const Q4_0: WeightFormat = {
  blockCols: 32,
  blockBytes: 18,
  columns: (cols) =>
    `let at = 9u * (n * ${cols / 32}u + b);
    let d = float_at(at);
    ${quads((i) => i < 4 ? `let p${i} = word_at(at + ${1 + 2 * i}u);` : "")}
    ${
      quads((i) => {
        const nibbles = i < 4 ? `p${i}` : `(p${i - 4} >> 4u)`;
        return `let w${i} = d * (vec4f(unpack4xU8(${nibbles} & 0x0f0f0f0fu)) - 8.0);`;
      })
    }`,
};

/** 256 columns: 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, f16 d; d * scale * (q - 32). */
const Q6_K: WeightFormat = {
  blockCols: 256,
  blockBytes: 210,
  columns: (cols) =>
    `let at = 105u * (n * ${cols / 256}u + b / 8u);
    let part = b / 4u % 2u;
    let quarter = b % 4u;
    let low = at + 32u * part + 16u * (quarter % 2u);
    let high = at + 64u + 16u * part;
    let d = float_at(at + 104u);
    let d0 = d * signed_byte(at + 96u + 4u * part + quarter, 0u);
    let d1 = d * signed_byte(at + 96u + 4u * part + quarter, 1u);
    ${
      quads((i) =>
        `let p${i} = ((word_at(low + ${2 * i}u) >> (4u * (quarter / 2u))) & 0x0f0f0f0fu) |
          (((word_at(high + ${2 * i}u) >> (2u * quarter)) & 0x03030303u) << 4u);
        let w${i} = d${i < 4 ? 0 : 1} * (vec4f(unpack4xU8(p${i})) - 32.0);`
      )
    }`,
};

/** The formats that the spike knows, by GGUF's name. */
export const WEIGHT_FORMATS: Readonly<Record<string, WeightFormat>> = { F32, F16, Q4_0, Q6_K };
