/** Tensors and metadata of files with seeded random weights: blocks of random quants under scales of one size. Knows no model. */
import {
  ggmlTypeByName,
  type MetadataEntry,
  StringArray,
  type TensorToWrite,
} from "../../packages/runtime/src/gguf/mod.ts";

/** Weights of one chunk on its way into the file. */
const CHUNK_WEIGHTS = 1 << 20;
const F16_ONE = 0x3c00;
const F16_SIGN = 0x8000;

interface BlockScales {
  /** Places of the f16 scales in a block. */
  readonly at: readonly number[];
  /** Their size: weights come out near 2^-5. */
  readonly log2: number;
  /** Whether signs are random: quants from -8 to 7 have a mean, which all rows of a batch would come to share. */
  readonly isSigned?: boolean;
}

const SCALES: Readonly<Record<string, BlockScales>> = {
  Q4_0: { at: [0], log2: -8, isSigned: true },
  Q5_0: { at: [0], log2: -9 },
  Q8_0: { at: [0], log2: -12 },
  Q4_K: { at: [0, 2], log2: -14 },
  Q6_K: { at: [208], log2: -14 },
};

/** Tensors in the order in which they are made, which is that of the random numbers too. */
export class GeneratedTensors {
  readonly all: TensorToWrite[] = [];
  readonly #random: (bytes: Uint8Array) => void;

  constructor(seed: number) {
    this.#random = randomBytes(seed);
  }

  /** Random blocks of a format; `dims` has the columns first. Scales are `times` the format's, a power of two. */
  matrix(name: string, dims: readonly number[], type: string, times = 1): void {
    const weights = dims.reduce((product, size) => product * size, 1);
    this.all.push({ name, dims, type, data: () => blocks(this.#random, weights, type, times) });
  }

  /** F32 numbers between -`limit` and `limit`. */
  floats(name: string, dims: readonly number[], limit: number): void {
    const count = dims.reduce((product, size) => product * size, 1);
    const data = (): Uint8Array[] => {
      const raw = new Int32Array(count);
      this.#random(new Uint8Array(raw.buffer));
      return [new Uint8Array(Float32Array.from(raw, (one) => one * limit / 2 ** 31).buffer)];
    };
    this.all.push({ name, dims, type: "F32", data });
  }

  /** `size` times one number. */
  vector(name: string, size: number, value: number): void {
    const data = () => [new Uint8Array(new Float32Array(size).fill(value).buffer)];
    this.all.push({ name, dims: [size], type: "F32", data });
  }
}

export const text = (value: string): MetadataEntry => ({ type: "string", value });
export const whole = (value: number): MetadataEntry => ({ type: "uint32", value });
export const float = (value: number): MetadataEntry => ({ type: "float32", value });
export const flag = (value: boolean): MetadataEntry => ({ type: "bool", value });
export const integers = (value: Int32Array): MetadataEntry => ({
  ...{ type: "array", elementType: "int32", value },
});
export const strings = (value: readonly string[]): MetadataEntry => ({
  ...{ type: "array", elementType: "string", value: StringArray.from(value) },
});

/** Blocks of random quants under scales of one size. */
function* blocks(
  random: (bytes: Uint8Array) => void,
  weights: number,
  typeName: string,
  times: number,
): Generator<Uint8Array> {
  const type = ggmlTypeByName(typeName);
  if (!type) throw new RangeError(`No format ${typeName}`);
  const { at, log2, isSigned } = SCALES[typeName];
  const magnitude = F16_ONE + (log2 + Math.log2(times)) * 1024;
  for (let done = 0; done < weights; done += CHUNK_WEIGHTS) {
    const count = Math.min(CHUNK_WEIGHTS, weights - done) / type.blockSize;
    const chunk = new Uint8Array(count * type.blockBytes);
    random(chunk);
    const view = new DataView(chunk.buffer);
    for (let block = 0; block < count; block++) {
      for (const place of at) {
        const start = block * type.blockBytes + place;
        const sign = isSigned ? view.getUint16(start, true) & F16_SIGN : 0;
        view.setUint16(start, sign | magnitude, true);
      }
    }
    yield chunk;
  }
}

/** Fills arrays with random bytes (xorshift32; Marsaglia 2003). */
function randomBytes(seed: number): (bytes: Uint8Array) => void {
  let state = (seed * 2 + 1) >>> 0;
  return (bytes) => {
    const words = new Uint32Array(Math.ceil(bytes.length / 4));
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    bytes.set(new Uint8Array(words.buffer, 0, bytes.length));
  };
}
