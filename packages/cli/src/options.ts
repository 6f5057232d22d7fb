/** Reads typed values out of parsed options: numbers, sizes, durations, choices and id lists. Each failure names the flag, the value and what is allowed. */
import { type OptionValues, UsageError } from "./command.ts";

/** Limits of a number, both inclusive. */
export interface NumberLimits {
  readonly min?: number;
  readonly max?: number;
}

/** The text of `--name`, or undefined. */
export function stringOption(values: OptionValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** All texts given for a repeatable `--name`. */
export function listOption(values: OptionValues, name: string): readonly string[] {
  const value = values[name];
  if (Array.isArray(value)) return value;
  return typeof value === "string" ? [value] : [];
}

/** Whether the boolean `--name` was given. */
export function flagOption(values: OptionValues, name: string): boolean {
  return values[name] === true;
}

/** The number of `--name`, or undefined; throws a `UsageError` outside the limits. */
export function numberOption(
  values: OptionValues,
  name: string,
  limits: NumberLimits = {},
): number | undefined {
  const text = stringOption(values, name);
  if (text === undefined) return undefined;
  const number = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (!within(number, limits)) throw wrongValue(name, text, `a number${range(limits)}`);
  return number;
}

/** The whole number of `--name`, or undefined; throws a `UsageError` outside the limits. */
export function integerOption(
  values: OptionValues,
  name: string,
  limits: NumberLimits = {},
): number | undefined {
  const text = stringOption(values, name);
  if (text === undefined) return undefined;
  const number = /^[-+]?\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(number) || !within(number, limits)) {
    throw wrongValue(name, text, `a whole number${range(limits)}`);
  }
  return number;
}

/** One of the allowed words, or undefined; throws a `UsageError` for another one. */
export function choiceOption<T extends string>(
  values: OptionValues,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = stringOption(values, name);
  if (text === undefined) return undefined;
  const choice = choices.find((word) => word === text);
  if (choice === undefined) throw wrongValue(name, text, `one of ${choices.join(", ")}`);
  return choice;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** A size in bytes written like `3GiB`, `512MiB`, `1.5GB` or `4096` (K, M, G alone are powers of 1024), or undefined. */
export function sizeOption(values: OptionValues, name: string): number | undefined {
  const text = stringOption(values, name);
  if (text === undefined) return undefined;
  const match = /^(\d+\.?\d*|\.\d+)\s*([a-z]*)$/i.exec(text);
  const unit = match && SIZE_UNITS[match[2].toLowerCase()];
  const sizeBytes = match && unit ? Math.floor(Number(match[1]) * unit) : NaN;
  if (!(sizeBytes > 0) || !Number.isSafeInteger(sizeBytes)) {
    throw wrongValue(name, text, "a size such as 3GiB, 512MiB or 1.5GB");
  }
  return sizeBytes;
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };

/** Milliseconds of a duration written like `90s`, `5m`, `1.5h` or `500ms`, or undefined. */
export function durationOption(values: OptionValues, name: string): number | undefined {
  const text = stringOption(values, name);
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d+\.?\d*|\.\d+)(ms|s|m|h)$/.exec(text) ?? [];
  if (count === undefined) throw wrongValue(name, text, "a duration such as 90s, 5m or 1.5h");
  return Number(count) * DURATION_UNITS_MS[unit];
}

/** Token ids written like `1,2,3`, or undefined; an empty text gives no ids. */
export function idsOption(values: OptionValues, name: string): number[] | undefined {
  const text = stringOption(values, name);
  if (text === undefined) return undefined;
  if (text.trim() === "") return [];
  return text.split(",").map((word) => {
    const id = /^\s*\d+\s*$/.test(word) ? Number(word) : NaN;
    if (!Number.isSafeInteger(id)) throw wrongValue(name, text, "token ids such as 1,2,3");
    return id;
  });
}

function within(number: number, { min = -Infinity, max = Infinity }: NumberLimits): boolean {
  return Number.isFinite(number) && number >= min && number <= max;
}

function range({ min, max }: NumberLimits): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max !== undefined ? ` of at most ${max}` : "";
}

function wrongValue(name: string, text: string, allowed: string): UsageError {
  return new UsageError(`--${name} ${JSON.stringify(text)} is not allowed; give ${allowed}`);
}
