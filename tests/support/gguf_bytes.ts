/** Writes small GGUF files for tests, malformed ones too. Not for users: it checks nothing. */
import { GGML_TYPES } from "../../packages/runtime/src/gguf/ggml_type.ts";
import { VALUE_TYPES, type ValueType } from "../../packages/runtime/src/gguf/metadata_value.ts";

/** A value with its type; arrays nest by `{ of, items }`. */
export type TypedValue =
  | { readonly type: Exclude<ValueType, "array">; readonly value: unknown }
  | ArrayValue;

/** An array of plain items of one type, or of arrays (`of: "array"`). */
export interface ArrayValue {
  readonly type: "array";
  readonly of: ValueType;
  readonly items: readonly unknown[];
  /** A count to write instead of the true one. */
  readonly claimedLength?: bigint;
}

/** A tensor; what is left out is made to fit. */
export interface TestTensor {
  readonly name: string;
  readonly dims: readonly (number | bigint)[];
  /** Type name or raw number (default `"F32"`). */
  readonly type?: string | number;
  /** Offset to write instead of the fitting one. */
  readonly offset?: bigint;
  /** Bytes of the tensor (default zeros). */
  readonly data?: Uint8Array;
}

/** What to write. The `claimed...` fields replace true counts. */
export interface GgufSpec {
  readonly magic?: string;
  readonly version?: number;
  readonly metadata?: readonly (readonly [string, TypedValue])[];
  readonly tensors?: readonly TestTensor[];
  readonly alignment?: number;
  readonly claimedTensors?: bigint;
  readonly claimedPairs?: bigint;
}

/** Plain values as metadata: strings, bools, whole numbers (uint32), other numbers (float32), arrays of them. */
export function plainMetadata(
  values: Readonly<
    Record<string, string | boolean | number | readonly string[] | readonly number[]>
  >,
): [string, TypedValue][] {
  return Object.entries(values).map(([key, value]) => {
    if (Array.isArray(value)) {
      const of = typeof value[0] === "string" ? "string" : numberType(value as number[]);
      return [key, { type: "array", of, items: value }];
    }
    if (typeof value === "string") return [key, { type: "string", value }];
    if (typeof value === "boolean") return [key, { type: "bool", value }];
    return [key, { type: numberType([value as number]), value }];
  });
}

function numberType(values: readonly number[]): "uint32" | "int32" | "float32" {
  if (!values.every(Number.isInteger)) return "float32";
  return values.every((value) => value >= 0) ? "uint32" : "int32";
}

/** The bytes of a GGUF file. */
export function ggufBytes(spec: GgufSpec): Uint8Array<ArrayBuffer> {
  const { metadata = [], tensors = [], alignment = 32 } = spec;
  const out = new Writer();
  out.raw(new TextEncoder().encode(spec.magic ?? "GGUF"));
  out.scalar("uint32", spec.version ?? 3);
  out.scalar("uint64", spec.claimedTensors ?? BigInt(tensors.length));
  out.scalar("uint64", spec.claimedPairs ?? BigInt(metadata.length));
  for (const [key, value] of metadata) {
    out.scalar("string", key);
    out.value(value);
  }
  let dataEnd = 0;
  const data: { at: number; bytes: Uint8Array }[] = [];
  for (const tensor of tensors) {
    const bytes = tensor.data ?? new Uint8Array(tensorBytes(tensor));
    const at = Math.ceil(dataEnd / alignment) * alignment;
    data.push({ at, bytes });
    dataEnd = at + bytes.length;
    out.scalar("string", tensor.name);
    out.scalar("uint32", tensor.dims.length);
    for (const size of tensor.dims) out.scalar("uint64", BigInt(size));
    out.scalar("uint32", typeId(tensor.type ?? "F32"));
    out.scalar("uint64", tensor.offset ?? BigInt(at));
  }
  const begin = Math.ceil(out.length / alignment) * alignment;
  const file = new Uint8Array(tensors.length > 0 ? begin + dataEnd : out.length);
  file.set(out.bytes());
  for (const { at, bytes } of data) file.set(bytes, begin + at);
  return file;
}

function typeId(type: string | number): number {
  return typeof type === "number" ? type : GGML_TYPES.find(({ name }) => name === type)!.id;
}

/** 0 where the tensor is malformed on purpose. */
function tensorBytes({ dims, type = "F32" }: TestTensor): number {
  const known = GGML_TYPES.find(({ id }) => id === typeId(type));
  const count = dims.reduce<number>((product, size) => product * Number(size), 1);
  if (known === undefined || count > 2 ** 24) return 0;
  return Math.floor(count / known.blockSize) * known.blockBytes;
}

class Writer {
  #parts: Uint8Array[] = [];
  length = 0;

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  value(value: TypedValue): void {
    this.scalar("uint32", VALUE_TYPES.indexOf(value.type));
    if (value.type === "array") this.array(value);
    else this.scalar(value.type, value.value);
  }

  array({ of, items, claimedLength }: ArrayValue): void {
    this.scalar("uint32", VALUE_TYPES.indexOf(of));
    this.scalar("uint64", claimedLength ?? BigInt(items.length));
    for (const item of items) {
      if (of === "array") this.array(item as ArrayValue);
      else this.scalar(of, item);
    }
  }

  scalar(type: Exclude<ValueType, "array">, value: unknown): void {
    if (type === "string") {
      const bytes = value instanceof Uint8Array ? value : new TextEncoder().encode(String(value));
      this.scalar("uint64", BigInt(bytes.length));
      this.raw(bytes);
      return;
    }
    const view = new DataView(new ArrayBuffer(8));
    this.raw(new Uint8Array(view.buffer, 0, SETTERS[type](view, value)));
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

type Setter = (view: DataView, value: unknown) => number;

/** Each writes the value and gives the number of bytes. */
const SETTERS: Readonly<Record<Exclude<ValueType, "array" | "string">, Setter>> = {
  uint8: (view, value) => (view.setUint8(0, Number(value)), 1),
  int8: (view, value) => (view.setInt8(0, Number(value)), 1),
  bool: (view, value) => (view.setUint8(0, Number(value)), 1),
  uint16: (view, value) => (view.setUint16(0, Number(value), true), 2),
  int16: (view, value) => (view.setInt16(0, Number(value), true), 2),
  uint32: (view, value) => (view.setUint32(0, Number(value), true), 4),
  int32: (view, value) => (view.setInt32(0, Number(value), true), 4),
  float32: (view, value) => (view.setFloat32(0, Number(value), true), 4),
  float64: (view, value) => (view.setFloat64(0, Number(value), true), 8),
  uint64: (view, value) => (view.setBigUint64(0, BigInt(value as number), true), 8),
  int64: (view, value) => (view.setBigInt64(0, BigInt(value as number), true), 8),
};
