/** Which number format each tensor of a quantized file gets, and why. Reads and computes no weights. */
import { UnsupportedError } from "../errors.ts";
import { type GgmlType, ggmlTypeByName } from "../gguf/mod.ts";

/** The formats that can be written. */
export const WRITABLE_TYPES = [
  "F32",
  "F16",
  "BF16",
  "Q8_0",
  "Q4_0",
  "Q4_1",
  "Q4_K",
  "Q6_K",
] as const;

/** One of them. */
export type WritableType = typeof WRITABLE_TYPES[number];

/** What the choice depends on. */
export interface TensorShape {
  readonly name: string;
  /** Sizes in GGUF order, the fastest-moving first. */
  readonly dims: readonly number[];
  readonly type: GgmlType;
}

/** A tensor with the format it will have. */
export interface TypedTensor<T extends TensorShape = TensorShape> {
  readonly tensor: T;
  /** One that can be written, or the tensor's own where it is copied. */
  readonly type: string;
  /** Set where the wanted format does not fit and another one stands in. */
  readonly fallback?: string;
}

/** What weights can be quantized from. */
const SOURCES = ["F32", "F16", "BF16"];
/** Routers of mixtures of experts: small, and a rounding decides between experts (llama.cpp leaves them too). */
const KEPT = /(^|\.)ffn_gate_inp\.weight$/;

/**
 * The format of each tensor: vectors stay F32, routers stay as they are, matrices get `wanted` or, where its
 * blocks do not divide their rows, Q8_0 or F16 (llama.cpp falls back likewise).
 *
 * @throws {UnsupportedError} if `wanted` is no format that can be written, or a tensor is quantized already
 *
 * @example
 * ```ts
 * import { openSource, readGguf } from "@aha/runtime/gguf";
 * import { planTypes } from "@aha/runtime/quantize";
 * const source = await openSource("tests/fixtures/models/llama_untied/gguf/model-F32.gguf");
 * const { tensors } = await readGguf(source);
 * console.log(planTypes(tensors.values(), "Q6_K").find(({ fallback }) => fallback)?.type); // Q8_0
 * await source.close();
 * ```
 */
export function planTypes<T extends TensorShape>(
  tensors: Iterable<T>,
  wanted: string,
): TypedTensor<T>[] {
  const type = WRITABLE_TYPES.find((name) => name === wanted);
  if (!type) throw notWritable(wanted);
  return Array.from(tensors, (tensor): TypedTensor<T> => {
    if (!SOURCES.includes(tensor.type.name)) throw notFloat(tensor);
    const { name, dims } = tensor;
    if (dims.length < 2) return { tensor, type: "F32" };
    if (KEPT.test(name)) return { tensor, type: tensor.type.name };
    if (divides(type, dims[0])) return { tensor, type };
    const other = divides("Q8_0", dims[0]) ? "Q8_0" : "F16";
    const fallback = `rows of ${dims[0]} weights are no multiple of the ${
      blockOf(type).blockSize
    } in a block of ${type}`;
    return { tensor, type: other, fallback };
  });
}

function blockOf(type: WritableType): GgmlType {
  return ggmlTypeByName(type) as GgmlType;
}

function divides(type: WritableType, columns: number): boolean {
  return columns % blockOf(type).blockSize === 0;
}

function notWritable(wanted: string): UnsupportedError {
  const known = WRITABLE_TYPES.join(" ");
  const what = ggmlTypeByName(wanted)
    ? `The type ${wanted} can be read but not written`
    : `The type ${wanted} is not known`;
  return new UnsupportedError(`${what} (types to write: ${known})`, wanted);
}

function notFloat({ name, type }: TensorShape): UnsupportedError {
  const why = type.blockSize > 1
    ? `The model is quantized already: tensor ${name} is ${type.name}`
    : `Tensor ${name} is ${type.name}, which cannot be quantized`;
  return new UnsupportedError(`${why}; take a file of ${SOURCES.join(", ")} weights`, type.name);
}
