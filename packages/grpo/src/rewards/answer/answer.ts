/** What an answer can be: a value, words, or several of them put together. Types only. */
import type { Expression } from "../formula/expression.ts";

export type RelationOperator = "=" | "!=" | "<" | "<=";

export type Answer =
  /** A number or formula; `isPercent` if a percent sign stood behind it, which is not part of the expression. */
  | {
    readonly kind: "value";
    readonly expression: Expression;
    readonly isPercent: boolean;
    readonly source: string;
  }
  /** Words, or what could not be read as a formula. */
  | { readonly kind: "text"; readonly source: string }
  /** `list`: separated by commas without brackets, in which order may or may not matter. */
  | { readonly kind: "list" | "set" | "tuple"; readonly items: readonly Answer[] }
  | {
    readonly kind: "interval";
    readonly low: Answer;
    readonly high: Answer;
    readonly isLowOpen: boolean;
    readonly isHighOpen: boolean;
  }
  | { readonly kind: "union"; readonly parts: readonly Answer[] }
  | { readonly kind: "matrix"; readonly rows: readonly (readonly Expression[])[] }
  /** `sides[0] operators[0] sides[1] operators[1] ...`; greater-than is written the other way round. */
  | {
    readonly kind: "relation";
    readonly sides: readonly Answer[];
    readonly operators: readonly RelationOperator[];
  };
