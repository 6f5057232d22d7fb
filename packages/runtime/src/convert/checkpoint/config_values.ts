/** Typed look-ups in the objects of config.json, with the key and what was found in errors. Knows no keys. */
import { CheckpointError } from "../../errors.ts";
import type { JsonObject } from "./json_file.ts";

/** Typed look-ups; `null` is as good as missing, as transformers has it. */
export class ConfigValues {
  constructor(private readonly json: JsonObject, private readonly where: string) {}

  count(key: string): number {
    const value = this.optionalCount(key);
    if (value === undefined) throw this.#wrong(key, "a whole number >= 1");
    return value;
  }

  optionalCount(key: string): number | undefined {
    const value = this.json[key] ?? undefined;
    if (value === undefined) return undefined;
    if (Number.isSafeInteger(value) && value as number >= 1) return value as number;
    throw this.#wrong(key, "a whole number >= 1");
  }

  /** As `optionalCount`, but 0 is allowed. */
  optionalSize(key: string): number | undefined {
    return this.json[key] === 0 ? 0 : this.optionalCount(key);
  }

  number(key: string): number {
    const value = this.optionalNumber(key);
    if (value === undefined) throw this.#wrong(key, "a number");
    return value;
  }

  optionalNumber(key: string): number | undefined {
    const value = this.json[key] ?? undefined;
    if (value === undefined || Number.isFinite(value)) return value as number | undefined;
    throw this.#wrong(key, "a number");
  }

  #wrong(key: string, wanted: string): CheckpointError {
    const found = JSON.stringify(this.json[key])?.slice(0, 60) ?? "nothing";
    return new CheckpointError(
      `${this.where}: ${key} must be ${wanted}, found ${found}`,
      this.where,
    );
  }
}
