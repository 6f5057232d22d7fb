/** The bytes of a GGUF head as they grow: numbers, texts and metadata values, little-endian. Knows no order of parts. */
import { ModelError } from "../errors.ts";
import { type MetadataEntry, VALUE_TYPES, type ValueType } from "./metadata_value.ts";
import { StringArray } from "./string_array.ts";

type ScalarType = Exclude<ValueType, "array">;
type NumberType = Exclude<ScalarType, "string" | "bool">;

const FIRST_BYTES = 64 * 1024;
const WIDEST_NUMBER_BYTES = 8;
const ENCODER = new TextEncoder();

/** Writes the number, gives its bytes. */
type Setter = (view: DataView, at: number, value: number | bigint) => number;

const SETTERS: Readonly<Record<NumberType, Setter>> = {
  uint8: (view, at, value) => (view.setUint8(at, Number(value)), 1),
  int8: (view, at, value) => (view.setInt8(at, Number(value)), 1),
  uint16: (view, at, value) => (view.setUint16(at, Number(value), true), 2),
  int16: (view, at, value) => (view.setInt16(at, Number(value), true), 2),
  uint32: (view, at, value) => (view.setUint32(at, Number(value), true), 4),
  int32: (view, at, value) => (view.setInt32(at, Number(value), true), 4),
  float32: (view, at, value) => (view.setFloat32(at, Number(value), true), 4),
  float64: (view, at, value) => (view.setFloat64(at, Number(value), true), 8),
  uint64: (view, at, value) => (view.setBigUint64(at, BigInt(value), true), 8),
  int64: (view, at, value) => (view.setBigInt64(at, BigInt(value), true), 8),
};

/** A growing buffer. */
export class HeadBytes {
  #buffer = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  /** What has been written, as a view. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A length and that many bytes of UTF-8. */
  text(text: string): void {
    this.#text(ENCODER.encode(text));
  }

  /** Zeros up to a multiple of `alignment`. */
  fillUp(alignment: number): void {
    this.raw(new Uint8Array(Math.ceil(this.#length / alignment) * alignment - this.#length));
  }

  /** The number of a value type and the value; `what` names it in errors. Throws ModelError if they do not fit. */
  entry(entry: MetadataEntry, what: string): void {
    this.#typeNumber(entry.type);
    if (entry.type === "array") this.#array(entry, what);
    else this.scalar(entry.type, entry.value, what);
  }

  /** One value without its type. */
  scalar(type: ScalarType, value: unknown, what: string): void {
    if (type === "string") {
      if (typeof value !== "string") throw misfit(type, value, what);
      return this.text(value);
    }
    if (type === "bool") {
      if (typeof value !== "boolean") throw misfit(type, value, what);
      return this.raw(Uint8Array.of(value ? 1 : 0));
    }
    this.#number(type, value, what);
  }

  #array({ elementType = "uint8", value }: MetadataEntry, what: string): void {
    if (typeof value !== "object") throw misfit("array", value, what);
    this.#typeNumber(elementType);
    this.#number("uint64", value.length, what);
    if (value instanceof StringArray) {
      if (elementType !== "string") throw misfit(elementType, "a list of strings", what);
      for (let i = 0; i < value.length; i++) this.#text(value.bytes(i));
      return;
    }
    if (elementType === "array") {
      for (const inner of value as readonly MetadataEntry[]) this.#array(inner, what);
      return;
    }
    for (const item of value as Iterable<unknown>) {
      // Lists of bools are bytes of 0 and 1.
      if (elementType === "bool") this.raw(Uint8Array.of(item ? 1 : 0));
      else this.scalar(elementType, item, what);
    }
  }

  #text(bytes: Uint8Array): void {
    this.#number("uint64", bytes.length, "a text");
    this.raw(bytes);
  }

  #typeNumber(type: ValueType): void {
    this.#number("uint32", VALUE_TYPES.indexOf(type), "a value type");
  }

  #number(type: NumberType, value: unknown, what: string): void {
    if (typeof value !== "number" && typeof value !== "bigint") throw misfit(type, value, what);
    const isFloat = type === "float32" || type === "float64";
    if (!isFloat && !inRange(type, value)) throw misfit(type, value, what);
    this.#reserve(WIDEST_NUMBER_BYTES);
    this.#length += SETTERS[type](this.#view, this.#length, value);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#buffer.length, this.#length + bytes));
    larger.set(this.bytes());
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function inRange(type: NumberType, value: number | bigint): boolean {
  if (typeof value === "number" && !Number.isSafeInteger(value)) return false;
  const bits = BigInt(type.replace(/\D/g, ""));
  const [low, high] = type.startsWith("u")
    ? [0n, 1n << bits]
    : [-(1n << bits - 1n), 1n << bits - 1n];
  return BigInt(value) >= low && BigInt(value) < high;
}

function misfit(type: string, value: unknown, what: string): ModelError {
  return new ModelError(`${what} cannot hold ${String(value)} as ${type}`);
}
