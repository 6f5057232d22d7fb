/** Reads the head of a safetensors file, every number checked before it is believed. Reads no tensor data. */
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import type { ByteSource } from "../../gguf/mod.ts";
import { isObject, parseStrictObject, readText } from "./json_file.ts";

/** A tensor of a safetensors file. */
export interface StoredTensor {
  readonly name: string;
  /** As the file names it: `F32`, `BF16`, `F8_E4M3`. */
  readonly dtype: string;
  /** Sizes, the slowest-moving first. */
  readonly shape: readonly number[];
  /** First byte in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Bits of a value (safetensors, `Dtype`). */
const DTYPE_BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

const LENGTH_BYTES = 8;
const METADATA = "__metadata__";
/** The format allows 100 MB; a header of 100,000 tensors has 15. */
export const MAX_HEADER_BYTES: number = 32 * 1024 * 1024;
const MAX_TENSORS = 2 ** 18;
const MAX_DIMS = 8;

/**
 * The tensors of a file in the order of their bytes.
 *
 * Format: safetensors (huggingface/safetensors, section Format): 8 bytes of length, a JSON object, the data without gaps.
 * @throws {CheckpointError} if the file is malformed
 * @throws {UnsupportedError} if it holds a type of value that is not known
 * @throws {SourceError} if it cannot be read
 */
export async function readSafetensorsHead(
  source: ByteSource,
  signal?: AbortSignal,
): Promise<StoredTensor[]> {
  const { header, dataOffset } = await readHeader(source, signal);
  const names = Object.keys(header).filter((name) => name !== METADATA);
  if (names.length > MAX_TENSORS) {
    fail(source, `holds ${names.length} tensors, more than the ${MAX_TENSORS} allowed`);
  }
  const tensors = names.map((name) => readTensor(source, name, header[name], dataOffset));
  tensors.sort((a, b) => a.offset - b.offset);
  checkCover(source, tensors, dataOffset);
  return tensors;
}

/**
 * What the file says of itself besides tensors: texts by name, none where it says nothing.
 * @throws {CheckpointError} if the file is malformed
 * @throws {SourceError} if it cannot be read
 */
export async function readSafetensorsMetadata(
  source: ByteSource,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { header: { [METADATA]: metadata = {} } } = await readHeader(source, signal);
  const isTexts = isObject(metadata) &&
    Object.values(metadata).every((value) => typeof value === "string");
  if (!isTexts) fail(source, "has metadata that is no object of texts");
  return metadata as Readonly<Record<string, string>>;
}

async function readHeader(
  source: ByteSource,
  signal?: AbortSignal,
): Promise<{ header: Record<string, unknown>; dataOffset: number }> {
  const headerBytes = await headerLength(source, signal);
  const text = await readText(source, LENGTH_BYTES, headerBytes, signal);
  const header = parseStrictObject(text, `The header of ${source.name}`);
  return { header, dataOffset: LENGTH_BYTES + headerBytes };
}

async function headerLength(source: ByteSource, signal?: AbortSignal): Promise<number> {
  const { sizeBytes } = source;
  if (sizeBytes < LENGTH_BYTES) fail(source, `has ${sizeBytes} bytes: no safetensors file`);
  const bytes = new Uint8Array(LENGTH_BYTES);
  await source.read(0, bytes, signal);
  const length = new DataView(bytes.buffer).getBigUint64(0, true);
  if (length > BigInt(sizeBytes - LENGTH_BYTES)) {
    fail(source, `says that its header has ${length} bytes, the file has ${sizeBytes}`);
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    fail(source, `has a header of ${length} bytes, more than the ${MAX_HEADER_BYTES} allowed`);
  }
  return Number(length);
}

function readTensor(
  source: ByteSource,
  name: string,
  entry: unknown,
  dataOffset: number,
): StoredTensor {
  const what = `tensor ${tensorLabel(name)}`;
  if (!isObject(entry)) fail(source, `describes ${what} by no object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string") fail(source, `gives ${what} no dtype`);
  if (!Object.hasOwn(DTYPE_BITS, dtype)) {
    const told = tensorLabel(dtype);
    throw new UnsupportedError(`The dtype ${told} of ${what} in ${source.name} is not known`, told);
  }
  if (!isCounts(shape) || shape.length > MAX_DIMS) fail(source, `gives ${what} no sound shape`);
  if (!isCounts(offsets) || offsets.length !== 2) fail(source, `gives ${what} no sound offsets`);
  const [begin, end] = offsets;
  const bits = shape.reduce((product, size) => product * size, DTYPE_BITS[dtype]);
  if (!Number.isSafeInteger(bits) || end - begin !== bits / 8) {
    fail(source, `gives ${what}, ${dtype} [${shape}], ${end - begin} bytes instead of ${bits / 8}`);
  }
  return { name, dtype, shape, offset: dataOffset + begin, sizeBytes: end - begin };
}

/** Tensors follow each other without gaps up to the end of the file; `tensors` are sorted. */
function checkCover(source: ByteSource, tensors: readonly StoredTensor[], dataOffset: number) {
  let end = dataOffset;
  for (const { name, offset, sizeBytes } of tensors) {
    const what = `tensor ${tensorLabel(name)}`;
    if (offset < end) fail(source, `has ${what} overlap another one`);
    if (offset > end) fail(source, `has a gap of ${offset - end} bytes before ${what}`);
    end += sizeBytes;
  }
  if (end > source.sizeBytes) {
    fail(
      source,
      `has ${source.sizeBytes} bytes, its tensors end at ${end} (a download cut short?)`,
    );
  }
  if (end < source.sizeBytes) fail(source, `has ${source.sizeBytes - end} bytes after its tensors`);
}

/** A tensor's name for messages: as it is where it is plain, else short and quoted. */
export function tensorLabel(name: string): string {
  return /^[\w.-]{1,120}$/.test(name) ? name : JSON.stringify(name.slice(0, 80));
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function fail(source: ByteSource, what: string): never {
  throw new CheckpointError(`${source.name} ${what}`, source.name);
}
