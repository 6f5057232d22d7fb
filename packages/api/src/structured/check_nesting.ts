/** Refuses values that are nested too deeply for code that calls itself. Looks at nothing else. */
import { UnsupportedSchemaError } from "./unsupported_schema_error.ts";

const MAX_DEPTH = 256;
const MAX_VALUES = 1_000_000;

/** Throws an UnsupportedSchemaError for more than 256 levels or a million lists and objects on one. */
export function checkNesting(value: unknown): void {
  let level = [value].filter(isNested);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH || level.length > MAX_VALUES) {
      throw new UnsupportedSchemaError("The schema is nested too deeply or too large", "");
    }
    level = level.flatMap((each) => Object.values(each).filter(isNested));
  }
}

function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
