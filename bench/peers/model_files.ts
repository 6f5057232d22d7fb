/** The files that are compared: SmolLM2 as published in Q4_1 and made from its weights, and generated ones. For speed only: weights are rounded twice, or random. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import {
  type ByteSink,
  type ByteSource,
  openFileSink,
  openGguf,
  type TensorInfo,
  writeGguf,
} from "@aha/runtime/gguf";
import { writeGeneratedMixture } from "../../tests/support/generated_mixture.ts";
import { writeGeneratedQwen2 } from "../../tests/support/generated_model.ts";
import { resolveModel } from "../../packages/runtime/src/weights/resolve_model.ts";

/** Formats that stand for SmolLM2-135M where a model is named. */
export const FORMATS = ["Q4_0", "Q4_1", "Q8_0"] as const;
export type Format = typeof FORMATS[number];

/** A Q4_K_M file in the shape of Qwen2.5-0.5B with random weights. */
export const GENERATED = "qwen2-0.5b";
/** A mixture of experts in the shape of DeepSeek-V2, scaled down, in Q4_0 with random weights. */
export const MIXTURE = "moe";
const GENERATED_SEED = 1;

interface GeneratedFile {
  /** What it is called in results. */
  readonly title: string;
  readonly file: string;
  write(sink: ByteSink, seed: number): Promise<number>;
}

const GENERATED_FILES: Readonly<Record<string, GeneratedFile>> = {
  [GENERATED]: {
    title: "Qwen2-shaped 0.5B Q4_K_M",
    file: `${GENERATED}-Q4_K_M.gguf`,
    write: writeGeneratedQwen2,
  },
  [MIXTURE]: {
    title: "DeepSeek-V2-shaped 0.7B Q4_0",
    file: `${MIXTURE}-deepseek2-0.7b-Q4_0.gguf`,
    write: writeGeneratedMixture,
  },
};

/** Whether a name is that of a generated file, which is larger than the others. */
export function isGenerated(name: string): boolean {
  return Object.hasOwn(GENERATED_FILES, name);
}

/** How a model is called in results: no places of this machine. */
export function modelName(model: string): string {
  if (isGenerated(model)) return GENERATED_FILES[model].title;
  return FORMATS.includes(model as Format) ? `SmolLM2-135M ${model}` : basename(model);
}

/** Weights of a block in each of these formats. */
const BLOCK = 32;
/** f16 scale, f16 minimum, 32 nibbles: the first 16 weights are the low ones. */
const Q4_1_BYTES = 20;
const CHUNK_BLOCKS = 1 << 14;

interface Encoding {
  readonly blockBytes: number;
  readonly fileType: number;
  /** Writes 32 weights as one block at `at`. */
  encode(weights: Float32Array, into: DataView, at: number): void;
}

const ENCODINGS: Readonly<Record<"Q4_0" | "Q8_0", Encoding>> = {
  Q4_0: { blockBytes: 18, fileType: 2, encode: encodeQ4 },
  Q8_0: { blockBytes: 34, fileType: 7, encode: encodeQ8 },
};

/** Path of a model: one of the above, made in `folder` where it is not there yet, or any other model's. */
export async function modelPath(name: string, folder: string): Promise<string> {
  if (isGenerated(name)) {
    const { file, write } = GENERATED_FILES[name];
    const path = join(folder, file);
    if (!existsSync(path)) await generate(path, write);
    return path;
  }
  if (!FORMATS.includes(name as Format)) return await localPath(name);
  const published = await localPath(process.env.AHA_SMOLLM2 || "smollm2-135m");
  if (name === "Q4_1") return published;
  const path = join(folder, `smollm2-135m-${name}.gguf`);
  if (!existsSync(path)) await recode(published, path, name as "Q4_0" | "Q8_0");
  return path;
}

async function generate(path: string, write: GeneratedFile["write"]): Promise<void> {
  const sink = await openFileSink(path);
  await write(sink, GENERATED_SEED);
  sink.commit();
}

async function localPath(name: string): Promise<string> {
  const place = String(await resolveModel(name));
  if (!existsSync(place)) {
    throw new RangeError(`${name} is no file of this machine: peers need one`);
  }
  return place;
}

/** Writes a file with its Q4_1 matrices in another format, the rest as it is: an embedding in Q8_0 stays one. */
export async function recode(from: string, to: string, format: "Q4_0" | "Q8_0"): Promise<void> {
  const encoding = ENCODINGS[format];
  const { gguf, source } = await openGguf(from);
  const sink = await openFileSink(to);
  try {
    const metadata = [...gguf.metadata.entries()].map(([key, entry]) =>
      key === "general.file_type"
        ? [key, { type: "uint32", value: encoding.fileType }] as const
        : [key, entry] as const
    );
    const tensors = Array.from(gguf.tensors.values(), (tensor) => {
      const { name, dims, type: { name: type } } = tensor;
      return type === "Q4_1"
        ? { name, dims, type: format, data: () => recodedChunks(tensor, source, encoding) }
        : { name, dims, type, data: () => wholeTensor(tensor, source) };
    });
    await writeGguf(sink, { metadata, tensors });
    sink.commit();
  } finally {
    await source.close();
  }
}

async function* wholeTensor(tensor: TensorInfo, source: ByteSource): AsyncGenerator<Uint8Array> {
  const bytes = new Uint8Array(tensor.sizeBytes);
  await source.read(tensor.offset, bytes);
  yield bytes;
}

async function* recodedChunks(
  { offset, sizeBytes }: TensorInfo,
  source: ByteSource,
  { blockBytes, encode }: Encoding,
): AsyncGenerator<Uint8Array> {
  const weights = new Float32Array(BLOCK);
  const blocks = sizeBytes / Q4_1_BYTES;
  for (let done = 0; done < blocks; done += CHUNK_BLOCKS) {
    const count = Math.min(CHUNK_BLOCKS, blocks - done);
    const bytes = new Uint8Array(count * Q4_1_BYTES);
    await source.read(offset + done * Q4_1_BYTES, bytes);
    const input = new DataView(bytes.buffer);
    const output = new DataView(new ArrayBuffer(count * blockBytes));
    for (let block = 0; block < count; block++) {
      decodeQ4_1(input, block * Q4_1_BYTES, weights);
      encode(weights, output, block * blockBytes);
    }
    yield new Uint8Array(output.buffer);
  }
}

function decodeQ4_1(from: DataView, at: number, weights: Float32Array): void {
  const scale = from.getFloat16(at, true);
  const minimum = from.getFloat16(at + 2, true);
  for (let i = 0; i < BLOCK / 2; i++) {
    const pair = from.getUint8(at + 4 + i);
    weights[i] = (pair & 15) * scale + minimum;
    weights[i + BLOCK / 2] = (pair >> 4) * scale + minimum;
  }
}

/** The weight of largest magnitude, with its sign. */
function extreme(weights: Float32Array): number {
  return weights.reduce((a, b) => Math.abs(b) > Math.abs(a) ? b : a, 0);
}

function encodeQ4(weights: Float32Array, into: DataView, at: number): void {
  const scale = extreme(weights) / -8;
  into.setFloat16(at, scale, true);
  const level = (weight: number): number =>
    scale === 0 ? 8 : Math.min(15, Math.floor(weight / scale + 8.5));
  for (let i = 0; i < BLOCK / 2; i++) {
    into.setUint8(at + 2 + i, level(weights[i]) | level(weights[i + BLOCK / 2]) << 4);
  }
}

function encodeQ8(weights: Float32Array, into: DataView, at: number): void {
  const scale = Math.abs(extreme(weights)) / 127;
  into.setFloat16(at, scale, true);
  weights.forEach((weight, i) => {
    into.setInt8(at + 2 + i, scale === 0 ? 0 : Math.round(weight / scale));
  });
}
