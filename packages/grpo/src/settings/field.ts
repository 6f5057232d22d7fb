/** Kinds of values in a configuration: each knows how it is read and what its JSON schema is. Knows no name of a value. */

/** A JSON schema, as far as it is needed here. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** A kind of value. */
export interface Field<Value> {
  /** Of the values that `read` takes, but for `null`. */
  readonly schema: JsonSchema;
  /** Gives the value back, or throws a TypeError or RangeError that names the key, the value and what is allowed. */
  readonly read: (value: unknown, key: string) => Value;
}

/** Limits of a number. */
export interface Limits {
  readonly min?: number;
  /** Itself not allowed. */
  readonly above?: number;
  readonly max?: number;
  readonly isWhole?: boolean;
  /** Whether Infinity is allowed; JSON has none, so that only programs give it. */
  readonly takesInfinity?: boolean;
}

/** A number within limits. */
export function number(limits: Limits = {}): Field<number> {
  const { min, above, max, isWhole = false, takesInfinity = false } = limits;
  const wanted = `a ${isWhole ? "whole " : ""}number${rangeText(limits)}`;
  const isFit = (value: number): boolean =>
    value >= (min ?? -Infinity) && !(above !== undefined && value <= above) &&
    value <= (max ?? Infinity) && (isWhole ? Number.isSafeInteger(value) : true) &&
    (takesInfinity ? value > -Infinity : Number.isFinite(value));
  return {
    schema: {
      type: isWhole ? "integer" : "number",
      ...(min === undefined ? {} : { minimum: min }),
      ...(above === undefined ? {} : { exclusiveMinimum: above }),
      ...(max === undefined ? {} : { maximum: max }),
      ...(isWhole && max === undefined ? { maximum: Number.MAX_SAFE_INTEGER } : {}),
    },
    read: (value, key) => {
      if (typeof value !== "number") throw wrongType(key, value, wanted);
      if (!isFit(value)) throw new RangeError(`${key} is ${value}, it must be ${wanted}`);
      return value;
    },
  };
}

function rangeText({ min, above, max }: Limits): string {
  if (above !== undefined) {
    return ` above ${above}${max === undefined ? "" : ` and at most ${max}`}`;
  }
  if (min !== undefined) {
    return max === undefined ? ` of at least ${min}` : ` from ${min} to ${max}`;
  }
  return max === undefined ? "" : ` of at most ${max}`;
}

/** A whole number above 0. */
export const count: Field<number> = number({ above: 0, isWhole: true });

/** True or false. */
export const flag: Field<boolean> = {
  schema: { type: "boolean" },
  read: (value, key) => {
    if (typeof value === "boolean") return value;
    throw wrongType(key, value, "true or false");
  },
};

/** A text that is not empty. */
export const text: Field<string> = {
  schema: { type: "string", minLength: 1 },
  read: (value, key) => {
    if (typeof value === "string" && value !== "") return value;
    throw wrongType(key, value, "a text");
  },
};

/** One of some texts; `aliases` are further spellings of them. */
export function oneOf<Value extends string>(
  choices: readonly Value[],
  aliases: Readonly<Record<string, Value>> = {},
): Field<Value> {
  const names = [...choices, ...Object.keys(aliases)];
  return {
    schema: { type: "string", enum: names },
    read: (value, key) => {
      const found = choices.find((choice) => choice === value);
      if (found) return found;
      if (typeof value === "string" && Object.hasOwn(aliases, value)) return aliases[value];
      const message = `${key} is ${shown(value)}, it must be one of ${choices.join(", ")}`;
      throw typeof value === "string" ? new RangeError(message) : new TypeError(message);
    },
  };
}

/** A list; `least` entries at least. */
export function list<Value>(entry: Field<Value>, wanted: string, least = 0): Field<Value[]> {
  return {
    schema: { type: "array", items: entry.schema, ...(least > 0 ? { minItems: least } : {}) },
    read: (value, key) => {
      if (!Array.isArray(value)) throw wrongType(key, value, wanted);
      if (value.length < least) throw new RangeError(`${key} is empty, it must be ${wanted}`);
      return value.map((item, at) => entry.read(item, `${key}[${at}]`));
    },
  };
}

/** A TypeError that names key, value and what it must be. */
export function wrongType(key: string, value: unknown, wanted: string): TypeError {
  return new TypeError(`${key} is ${shown(value)}, it must be ${wanted}`);
}

/** Longer values are cut in messages. */
const MOST_SHOWN = 60;

/** A value for a message, on one line. */
export function shown(value: unknown): string {
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}
