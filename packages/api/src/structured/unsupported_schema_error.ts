/** The error for schemas that cannot be held. Decides nothing. */

/**
 * A constraint that cannot be held while drawing tokens; `path` is the JSON pointer of what asks for it, `field` where the
 * request has the schema, if its spec says so.
 */
export class UnsupportedSchemaError extends RangeError {
  override readonly name = "UnsupportedSchemaError";
  constructor(readonly reason: string, readonly path: string, readonly field?: string) {
    super(`${reason}, at ${path === "" ? "the root of the schema" : path}`);
  }
}
