/** Errors as data, so that they cross from a worker's thread and are thrown again as what they were. Makes no messages. */
import * as runtime from "@aha/runtime";
import { UnsupportedSchemaError } from "../../structured/unsupported_schema_error.ts";
import { EngineMemoryError } from "../engine_errors.ts";

/** An error on its way. */
export interface CrossingError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Its own fields, as far as they can be sent. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly cause?: CrossingError;
}

/** Classes by name: JavaScript's own, the runtime's, and what constraints and `reserve` throw. */
const CLASSES: ReadonlyMap<string, { readonly prototype: Error }> = new Map(
  [
    ...[TypeError, RangeError, SyntaxError, UnsupportedSchemaError, EngineMemoryError],
    ...Object.values(runtime),
  ]
    .filter((value) => typeof value === "function" && value.prototype instanceof Error)
    .map((type) => [(type as { name: string }).name, type as { prototype: Error }]),
);

/** What can be sent of an error, or of whatever else was thrown. */
export function crossingError(error: unknown): CrossingError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), data: {} };
  const { name, message, stack, cause } = error;
  const own = Object.entries(error).filter(([, value]) => isPlain(value));
  return {
    ...{ name, message, stack, data: Object.fromEntries(own) },
    ...(cause === undefined ? {} : { cause: crossingError(cause) }),
  };
}

/** The error that was sent, of its own class where that is known. */
export function arrivedError({ name, message, stack, data, cause }: CrossingError): Error {
  if (name === "AbortError" || name === "TimeoutError") return new DOMException(message, name);
  const error = new Error(message, cause ? { cause: arrivedError(cause) } : undefined);
  Object.setPrototypeOf(error, CLASSES.get(name)?.prototype ?? Error.prototype);
  Object.assign(error, data);
  if (error.name !== name) Object.defineProperty(error, "name", { value: name });
  if (stack !== undefined) Object.defineProperty(error, "stack", { value: stack });
  return error;
}

/** Numbers, words and lists of them. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  return ["string", "number", "boolean", "undefined"].includes(typeof value);
}
