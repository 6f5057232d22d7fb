/** Typed look-ups in a model file's metadata, as the readers of sizes ask for them. Knows no key. */

/** Missing or mistyped keys throw; the `optional...` ones give `undefined` where the key is missing. */
export interface KeyValues {
  string(key: string): string;
  optionalString(key: string): string | undefined;
  count(key: string): number;
  optionalCount(key: string): number | undefined;
  number(key: string): number;
  optionalNumber(key: string): number | undefined;
  optionalBoolean(key: string): boolean | undefined;
}

/** The full key of a name such as `block_count`. */
export type KeyOf = (name: string) => string;

/** Sizes that no real model exceeds; beyond them a file is damaged or hostile. */
export const MAX_SIZE = 2 ** 24;
/** Numbers of a key that attention takes at most: a latent of 512 and a rotary part of 64. */
export const MAX_HEAD_SIZE = 576;

/** Whether a number is from 1 to the largest size that is believed. */
export function isSize(value: number): boolean {
  return value >= 1 && value <= MAX_SIZE;
}

/** Whether a head, or a part of one, has a size that the core's attention takes. */
export function isHeadSize(size: number): boolean {
  return Number.isInteger(size) && size >= 4 && size <= MAX_HEAD_SIZE && size % 4 === 0;
}
