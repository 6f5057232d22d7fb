/** The thirteen value types of GGUF metadata and how they are read. Gives the values no meaning. */
import type { HeaderCursor } from "./header_cursor.ts";
import { StringArray } from "./string_array.ts";

/** Value types in the order of their numbers (GGUF specification, `gguf_metadata_value_type`). */
export const VALUE_TYPES = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const;

export type ValueType = typeof VALUE_TYPES[number];

/** Arrays of numbers; `bool` arrays are Uint8Array of 0 and 1; 64-bit integers are Float64Array where all are safe. */
export type NumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** Any array of GGUF metadata. */
export type MetadataArray =
  | StringArray
  | NumberArray
  | BigUint64Array
  | BigInt64Array
  | readonly MetadataEntry[];

/** Any value of GGUF metadata; 64-bit integers are numbers where safe, else bigints. */
export type MetadataValue = string | number | bigint | boolean | MetadataArray;

/** A value with the type that the file gave it. */
export interface MetadataEntry {
  readonly type: ValueType;
  /** For arrays: the type of the elements. */
  readonly elementType?: ValueType;
  readonly value: MetadataValue;
}

/** Longest string value: chat templates stay under 100 KiB. */
export const MAX_STRING_BYTES: number = 16 * 1024 * 1024;
/** Longest array: vocabularies stay under 2^19. */
export const MAX_ARRAY_LENGTH: number = 2 ** 24;
/** Arrays in arrays in arrays. */
export const MAX_ARRAY_DEPTH = 4;
/** Arrays that lie in one other array. */
export const MAX_NESTED_ARRAYS: number = 2 ** 14;

/** Fewest bytes that an element takes in the file. */
const ELEMENT_BYTES: Readonly<Record<ValueType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 8,
  array: 12,
  uint64: 8,
  int64: 8,
  float64: 8,
};

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads the number of a value type and then the value; `what` names the value in errors. */
export function readEntry(cursor: HeaderCursor, what: string): MetadataEntry {
  const type = readValueType(cursor, what);
  if (type === "array") return readArray(cursor, what, 1, { left: MAX_NESTED_ARRAYS });
  return { type, value: readScalar(cursor, type, what) };
}

/** Reads a length and that many bytes of text. */
export function readString(cursor: HeaderCursor, limit: number, what: string): string {
  return DECODER.decode(cursor.view(cursor.count(limit, `the length of ${what}`), what));
}

function readValueType(cursor: HeaderCursor, what: string): ValueType {
  const at = cursor.position;
  const number = cursor.uint32(`the type of ${what}`);
  return VALUE_TYPES[number] ??
    cursor.fail(
      `the type of ${what} is ${number}, known are 0 to ${VALUE_TYPES.length - 1}`,
      at,
    );
}

function readScalar(
  cursor: HeaderCursor,
  type: Exclude<ValueType, "array">,
  what: string,
): MetadataValue {
  switch (type) {
    case "string":
      return readString(cursor, MAX_STRING_BYTES, what);
    case "bool": {
      const byte = cursor.uint8(what);
      if (byte > 1) cursor.fail(`${what} is a bool of value ${byte}`, cursor.position - 1);
      return byte === 1;
    }
    case "uint64":
    case "int64": {
      const exact = cursor[type](what);
      const near = Number(exact);
      return Number.isSafeInteger(near) ? near : exact;
    }
    default:
      return cursor[type](what);
  }
}

function readArray(
  cursor: HeaderCursor,
  what: string,
  depth: number,
  nested: { left: number },
): MetadataEntry {
  if (depth > MAX_ARRAY_DEPTH) {
    cursor.fail(`${what} nests arrays deeper than the ${MAX_ARRAY_DEPTH} allowed`);
  }
  const elementType = readValueType(cursor, `the elements of ${what}`);
  const length = cursor.count(MAX_ARRAY_LENGTH, `the length of ${what}`);
  cursor.expect(length * ELEMENT_BYTES[elementType], `${what} (${length} x ${elementType})`);
  if (elementType === "string") {
    return { type: "array", elementType, value: readStrings(cursor, length, what) };
  }
  if (elementType === "array") {
    nested.left -= length;
    if (nested.left < 0) {
      cursor.fail(`${what} holds more than the ${MAX_NESTED_ARRAYS} nested arrays allowed`);
    }
    const value: MetadataEntry[] = [];
    for (let i = 0; i < length; i++) value.push(readArray(cursor, what, depth + 1, nested));
    return { type: "array", elementType, value };
  }
  return { type: "array", elementType, value: readNumbers(cursor, elementType, length, what) };
}

function readStrings(cursor: HeaderCursor, length: number, what: string): StringArray {
  const begin = cursor.position;
  const starts = new Uint32Array(length + 1);
  const [whatLength, whatEntry] = [`the length of an entry of ${what}`, `an entry of ${what}`];
  for (let i = 0; i < length; i++) {
    const bytes = cursor.count(MAX_STRING_BYTES, whatLength);
    starts[i] = cursor.position - begin;
    cursor.skip(bytes, whatEntry);
  }
  const total = cursor.position - begin;
  starts[length] = total + (length > 0 ? 8 : 0);
  cursor.position = begin;
  return new StringArray(cursor.view(total, what).slice(), starts, length > 0 ? 8 : 0);
}

function readNumbers(
  cursor: HeaderCursor,
  type: Exclude<ValueType, "array" | "string">,
  length: number,
  what: string,
): NumberArray | BigUint64Array | BigInt64Array {
  const begin = cursor.position;
  const bytes = cursor.view(length * ELEMENT_BYTES[type], what).slice();
  switch (type) {
    case "uint8":
      return bytes;
    case "bool": {
      const wrong = bytes.findIndex((byte) => byte > 1);
      if (wrong >= 0) cursor.fail(`${what} has a bool of value ${bytes[wrong]}`, begin + wrong);
      return bytes;
    }
    case "int8":
      return new Int8Array(bytes.buffer);
    case "uint16":
      return new Uint16Array(bytes.buffer);
    case "int16":
      return new Int16Array(bytes.buffer);
    case "uint32":
      return new Uint32Array(bytes.buffer);
    case "int32":
      return new Int32Array(bytes.buffer);
    case "float32":
      return new Float32Array(bytes.buffer);
    case "float64":
      return new Float64Array(bytes.buffer);
    case "uint64":
      return safeNumbers(new BigUint64Array(bytes.buffer));
    case "int64":
      return safeNumbers(new BigInt64Array(bytes.buffer));
  }
}

function safeNumbers<T extends BigUint64Array | BigInt64Array>(exact: T): T | Float64Array {
  const near = Float64Array.from(exact as Iterable<bigint>, Number);
  return near.every((value) => Number.isSafeInteger(value)) ? near : exact;
}
