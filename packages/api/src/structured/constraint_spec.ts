/** What an answer's text must be, as data that can be sent to a worker. Compiles nothing. */

/** A JSON Schema document; what is supported stands at `compileConstraint`. */
export type JsonSchema = boolean | Readonly<Record<string, unknown>>;

/** What the text after the thought must be; `sequence` and `choice` compose them. */
export type ConstraintSpec =
  | { readonly kind: "json" } // any JSON object
  /** `field`: where a request has the schema, for errors: `response_format`, `tools[0].function.parameters`. */
  | { readonly kind: "schema"; readonly schema: JsonSchema; readonly field?: string }
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "choice"; readonly of: readonly ConstraintSpec[] }
  | { readonly kind: "sequence"; readonly of: readonly ConstraintSpec[] }
  /** `of` at least `min` and at most `max` times, `separator` between. */
  | {
    readonly kind: "repeat";
    readonly of: ConstraintSpec;
    readonly min: number;
    readonly max: number;
    readonly separator: string;
  };
