/** Typed access to the key-value pairs of a GGUF file. Knows no key and no architecture. */
import { ModelError } from "../errors.ts";
import type { MetadataEntry, MetadataValue, NumberArray } from "./metadata_value.ts";
import { StringArray } from "./string_array.ts";

/** Plain values that `Metadata.from` accepts. */
export type PlainValue =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly number[]
  | StringArray
  | NumberArray;

/**
 * The metadata of a model file. Getters throw ModelError with the key, the wanted and the found type;
 * the `optional...` ones give `undefined` where the key is missing and still throw on a wrong type.
 *
 * @example
 * ```ts
 * import { Metadata } from "@aha/runtime/gguf";
 * const metadata = Metadata.from({ "llama.block_count": 30 });
 * console.log(metadata.number("llama.block_count")); // 30
 * ```
 */
export class Metadata {
  readonly #entries: ReadonlyMap<string, MetadataEntry>;

  constructor(entries: ReadonlyMap<string, MetadataEntry>) {
    this.#entries = entries;
  }

  /** Wraps plain values: integers become int64, other numbers float64. */
  static from(values: Readonly<Record<string, PlainValue>>): Metadata {
    return new Metadata(
      new Map(Object.entries(values).map(([key, value]) => [key, entryOf(value)])),
    );
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** The raw entry, or `undefined`. */
  get(key: string): MetadataEntry | undefined {
    return this.#entries.get(key);
  }

  /** All pairs in file order. */
  entries(): IterableIterator<[string, MetadataEntry]> {
    return this.#entries.entries();
  }

  string(key: string): string {
    return this.#required(key, "a string", asString);
  }

  optionalString(key: string): string | undefined {
    return this.#optional(key, "a string", asString);
  }

  boolean(key: string): boolean {
    return this.#required(key, "a bool", asBoolean);
  }

  optionalBoolean(key: string): boolean | undefined {
    return this.#optional(key, "a bool", asBoolean);
  }

  /** A number of any type; a 64-bit integer beyond 2^53 is refused. */
  number(key: string): number {
    return this.#required(key, "a number", asNumber);
  }

  optionalNumber(key: string): number | undefined {
    return this.#optional(key, "a number", asNumber);
  }

  /** A whole number >= 0. */
  count(key: string): number {
    return this.#required(key, "a whole number >= 0", asCount);
  }

  optionalCount(key: string): number | undefined {
    return this.#optional(key, "a whole number >= 0", asCount);
  }

  /** An array of strings. */
  strings(key: string): StringArray {
    return this.#required(key, "an array of strings", asStrings);
  }

  optionalStrings(key: string): StringArray | undefined {
    return this.#optional(key, "an array of strings", asStrings);
  }

  /** An array of numbers of any type, as the typed array that the file implies. */
  numbers(key: string): NumberArray {
    return this.#required(key, "an array of numbers", asNumbers);
  }

  optionalNumbers(key: string): NumberArray | undefined {
    return this.#optional(key, "an array of numbers", asNumbers);
  }

  #required<T>(key: string, wanted: string, read: (entry: MetadataEntry) => T | undefined): T {
    const value = this.#optional(key, wanted, read);
    if (value === undefined) {
      throw new ModelError(`Metadata key ${key} is missing, wanted ${wanted}`);
    }
    return value;
  }

  #optional<T>(
    key: string,
    wanted: string,
    read: (entry: MetadataEntry) => T | undefined,
  ): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const value = read(entry);
    if (value === undefined) {
      throw new ModelError(`Metadata key ${key} must be ${wanted}, found ${describeEntry(entry)}`);
    }
    return value;
  }
}

/** A short description of a value for messages and listings: `string "gpt2"`, `array of 3 float32`. */
export function describeEntry(entry: MetadataEntry): string {
  if (entry.type === "array") {
    return `array of ${(entry.value as { length: number }).length} ${entry.elementType}`;
  }
  const text = String(entry.value);
  if (entry.type !== "string") return `${entry.type} ${text}`;
  return `string ${JSON.stringify(text.length > 40 ? text.slice(0, 39) + "…" : text)}`;
}

function entryOf(value: PlainValue): MetadataEntry {
  if (typeof value === "string") return { type: "string", value };
  if (typeof value === "boolean") return { type: "bool", value };
  if (typeof value === "number") {
    return { type: Number.isSafeInteger(value) ? "int64" : "float64", value };
  }
  if (value instanceof StringArray) return { type: "array", elementType: "string", value };
  if (ArrayBuffer.isView(value)) {
    const elementType = value.constructor.name.slice(0, -"Array".length).toLowerCase();
    return { type: "array", elementType: elementType as MetadataEntry["elementType"], value };
  }
  const items: readonly (string | number)[] = value;
  return items.length > 0 && typeof items[0] === "string"
    ? { type: "array", elementType: "string", value: StringArray.from(items as readonly string[]) }
    : {
      type: "array",
      elementType: "float64",
      value: Float64Array.from(items as readonly number[]),
    };
}

function asString({ value }: MetadataEntry): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function asBoolean({ value }: MetadataEntry): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

function asNumber({ value }: MetadataEntry): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function asCount({ value }: MetadataEntry): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? value as number : undefined;
}

/** Writers give an empty array any element type. */
function isEmptyArray(value: MetadataValue): boolean {
  return typeof value === "object" && value.length === 0;
}

function asStrings({ value }: MetadataEntry): StringArray | undefined {
  if (value instanceof StringArray) return value;
  return isEmptyArray(value) ? StringArray.from([]) : undefined;
}

function asNumbers({ value, elementType }: MetadataEntry): NumberArray | undefined {
  if (isEmptyArray(value)) return new Float64Array(0);
  if (!ArrayBuffer.isView(value) || elementType === "bool") return undefined;
  return value instanceof BigUint64Array || value instanceof BigInt64Array ? undefined : value;
}
