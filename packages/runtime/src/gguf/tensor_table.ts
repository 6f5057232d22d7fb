/** Reads and checks the tensor list of a GGUF file. Reads no tensor data. */
import { type GgmlType, ggmlTypeById } from "./ggml_type.ts";
import type { HeaderCursor } from "./header_cursor.ts";
import { readString } from "./metadata_value.ts";

/** One tensor of a model file. */
export interface TensorInfo {
  readonly name: string;
  readonly type: GgmlType;
  /** Sizes in GGUF order, the fastest-moving first: a matrix of R rows and C columns is `[C, R]`. */
  readonly dims: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Dimensions that a tensor may have (ggml.h, GGML_MAX_DIMS). */
const MAX_DIMS = 4;
/** ggml allows 63 bytes; older writers went beyond. */
const MAX_NAME_BYTES = 1024;

/** A tensor whose place is still relative to the data section; `at` is the byte of its offset field. */
export interface RelativeTensor extends TensorInfo {
  readonly at: number;
}

/** Reads one entry; its `offset` counts from the start of the data section. */
export function readTensor(cursor: HeaderCursor, index: number): RelativeTensor {
  const name = readString(cursor, MAX_NAME_BYTES, `the name of tensor ${index}`);
  const what = `tensor ${quoteName(name)}`;
  const dims = readDims(cursor, what);
  const typeAt = cursor.position;
  const typeId = cursor.uint32(`the type of ${what}`);
  const type = ggmlTypeById(typeId) ??
    cursor.fail(`${what} has the unknown type ${typeId}`, typeAt);
  if (dims[0] % type.blockSize !== 0) {
    cursor.fail(
      `${what} has rows of ${
        dims[0]
      } weights, no multiple of the ${type.blockSize} in a block of ${type.name}`,
      typeAt,
    );
  }
  const count = dims.reduce((product, size) => product * size, 1);
  const sizeBytes = count / type.blockSize * type.blockBytes;
  if (!Number.isSafeInteger(count) || sizeBytes > cursor.source.sizeBytes) {
    cursor.fail(
      `${what} of ${
        dims.join(" x ")
      } weights in ${type.name} is larger than the file of ${cursor.source.sizeBytes} bytes (a download cut short?)`,
      typeAt,
    );
  }
  const at = cursor.position;
  const offset = cursor.count(Number.MAX_SAFE_INTEGER, `the offset of ${what}`);
  return { name, type, dims, offset, sizeBytes, at };
}

/** Turns offsets into places in the file after checking alignment, bounds, names and overlaps. */
export function placeTensors(
  cursor: HeaderCursor,
  relative: readonly RelativeTensor[],
  dataOffset: number,
  alignment: number,
): Map<string, TensorInfo> {
  const fileBytes = cursor.source.sizeBytes;
  const tensors = new Map<string, TensorInfo>();
  for (const { name, type, dims, offset: relativeOffset, sizeBytes, at } of relative) {
    const what = `tensor ${quoteName(name)}`;
    const offset = dataOffset + relativeOffset;
    if (tensors.has(name)) cursor.fail(`${what} is listed twice`, at);
    if (relativeOffset % alignment !== 0) {
      cursor.fail(
        `${what} lies at ${relativeOffset}, no multiple of the alignment ${alignment}`,
        at,
      );
    }
    if (offset + sizeBytes > fileBytes) {
      cursor.fail(
        `${what} lies outside the file: it ends at byte ${
          offset + sizeBytes
        }, the file has ${fileBytes} (a download cut short?)`,
        at,
      );
    }
    tensors.set(name, { name, type, dims, offset, sizeBytes });
  }
  refuseOverlaps(cursor, relative);
  return tensors;
}

function refuseOverlaps(cursor: HeaderCursor, relative: readonly RelativeTensor[]): void {
  const sorted = [...relative].sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1], sorted[i]];
    if (before.offset + before.sizeBytes > after.offset) {
      cursor.fail(
        `tensor ${quoteName(after.name)} overlaps tensor ${quoteName(before.name)}`,
        after.at,
      );
    }
  }
}

function readDims(cursor: HeaderCursor, what: string): number[] {
  const at = cursor.position;
  const count = cursor.uint32(`the number of dimensions of ${what}`);
  if (count > MAX_DIMS) {
    cursor.fail(`${what} has ${count} dimensions, more than the ${MAX_DIMS} allowed`, at);
  }
  const dims: number[] = [];
  for (let i = 0; i < count; i++) {
    const size = cursor.count(Number.MAX_SAFE_INTEGER, `a dimension of ${what}`);
    if (size === 0) cursor.fail(`${what} has a dimension of 0`, cursor.position - 8);
    dims.push(size);
  }
  return count === 0 ? [1] : dims;
}

/** A name from a file made fit for a one-line message. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 80 ? name.slice(0, 79) + "…" : name);
}
