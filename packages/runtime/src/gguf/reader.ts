/** Reads the head of a GGUF file (versions 2 and 3, little-endian). Reads no tensor data and no meaning into keys. */
import { describeFileKind } from "./file_kind.ts";
import { HeaderCursor } from "./header_cursor.ts";
import { Metadata } from "./metadata.ts";
import { type MetadataEntry, readEntry, readString } from "./metadata_value.ts";
import type { ByteSource } from "./source.ts";
import {
  placeTensors,
  quoteName,
  readTensor,
  type RelativeTensor,
  type TensorInfo,
} from "./tensor_table.ts";

/** The head of a model file: everything but the weights. */
export interface Gguf {
  readonly version: 2 | 3;
  readonly metadata: Metadata;
  /** By name, in file order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly alignment: number;
  /** First byte of the data section. */
  readonly dataOffset: number;
  /** Path, URL or `Blob`, for messages. */
  readonly sourceName: string;
}

/** Options of `readGguf`. */
export interface ReadGgufOptions {
  readonly signal?: AbortSignal;
}

const MAX_KEYS = 2 ** 16;
const MAX_TENSORS = 2 ** 18;
/** GGUF specification: keys hold at most 2^16 - 1 bytes. */
const MAX_KEY_BYTES = 2 ** 16 - 1;
/** Fewest bytes of a key-value pair (empty key, type, one byte) and of a tensor entry. */
const MIN_PAIR_BYTES = 13;
const MIN_TENSOR_BYTES = 24;
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 2 ** 20;
const ALIGNMENT_KEY = "general.alignment";

/**
 * Reads and checks the head of a GGUF file; the file itself is read only as far as its head goes.
 *
 * Format: the GGUF specification of the ggml project, versions 2 and 3.
 * @throws {GgufError} if the file is malformed, with the byte where reading stopped
 * @throws {SourceError} if bytes could not be had
 *
 * @example
 * ```ts
 * import { openSource, readGguf } from "@aha/runtime/gguf";
 * const source = await openSource("tests/fixtures/models/llama_untied/gguf/model-F16.gguf");
 * const { metadata, tensors } = await readGguf(source);
 * console.log(metadata.string("general.architecture"), tensors.size); // llama 21
 * await source.close();
 * ```
 */
export async function readGguf(source: ByteSource, options: ReadGgufOptions = {}): Promise<Gguf> {
  const cursor = new HeaderCursor(source, options.signal);
  const { version, tensorCount, pairCount } = await cursor.step(() => readPreamble(cursor));

  const entries = new Map<string, MetadataEntry>();
  let alignment = DEFAULT_ALIGNMENT;
  for (let i = 0; i < pairCount; i++) {
    const { key, entry } = await cursor.step(() => readPair(cursor, i, entries));
    entries.set(key, entry);
    if (key === ALIGNMENT_KEY) alignment = checkAlignment(cursor, entry);
  }

  const relative: RelativeTensor[] = [];
  for (let i = 0; i < tensorCount; i++) {
    relative.push(await cursor.step(() => readTensor(cursor, i)));
  }
  const dataOffset = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = placeTensors(cursor, relative, dataOffset, alignment);
  return {
    version,
    metadata: new Metadata(entries),
    tensors,
    alignment,
    dataOffset,
    sourceName: source.name,
  };
}

interface Preamble {
  readonly version: 2 | 3;
  readonly tensorCount: number;
  readonly pairCount: number;
}

function readPreamble(cursor: HeaderCursor): Preamble {
  const { sizeBytes } = cursor.source;
  if (sizeBytes === 0) cursor.fail("the file is empty");
  const head = cursor.view(Math.min(64, sizeBytes), "the file's beginning");
  cursor.position = 0;
  const magic = String.fromCharCode(...head.subarray(0, 4));
  if (!"GGUF".startsWith(magic)) cursor.fail(`this is no GGUF file: ${describeFileKind(head)}`);
  cursor.view(4, "the magic");
  const version = checkVersion(cursor, cursor.uint32("the version"));
  const tensorCount = cursor.count(MAX_TENSORS, "the number of tensors");
  const pairCount = cursor.count(MAX_KEYS, "the number of metadata keys");
  cursor.expect(
    pairCount * MIN_PAIR_BYTES + tensorCount * MIN_TENSOR_BYTES,
    `a header of ${pairCount} metadata keys and ${tensorCount} tensors`,
  );
  return { version, tensorCount, pairCount };
}

function checkVersion(cursor: HeaderCursor, version: number): 2 | 3 {
  if (version === 2 || version === 3) return version;
  if (version === 1) cursor.fail("GGUF version 1 is not read: convert the model again", 4);
  if (version !== 0 && version % 2 ** 16 === 0) {
    cursor.fail("big-endian GGUF is not read: convert the model to little-endian", 4);
  }
  return cursor.fail(`GGUF version ${version} is not known: versions 2 and 3 are read`, 4);
}

function readPair(
  cursor: HeaderCursor,
  index: number,
  known: ReadonlyMap<string, MetadataEntry>,
): { key: string; entry: MetadataEntry } {
  const at = cursor.position;
  const key = readString(cursor, MAX_KEY_BYTES, `metadata key ${index}`);
  if (known.has(key)) cursor.fail(`metadata key ${quoteName(key)} is given twice`, at);
  return { key, entry: readEntry(cursor, `metadata value ${quoteName(key)}`) };
}

function checkAlignment(cursor: HeaderCursor, { value }: MetadataEntry): number {
  if (
    typeof value === "number" && Number.isInteger(value) && value >= 1 &&
    value <= MAX_ALIGNMENT && Number.isInteger(Math.log2(value))
  ) return value;
  return cursor.fail(`${ALIGNMENT_KEY} must be a power of two up to ${MAX_ALIGNMENT}`);
}
