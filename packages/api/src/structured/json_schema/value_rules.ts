/** What the parts of a schema's rules ask of the whole: rules for the values inside of theirs. Types only. */
import type { Grammar } from "../automaton/grammar.ts";
import type { JsonRules } from "../automaton/json_rules.ts";
import type { SchemaPart } from "./keywords.ts";

/** Makes the rules of values within lists and objects. */
export interface ValueRules {
  readonly json: JsonRules;
  readonly grammar: Grammar;
  /** Takes a value that holds to all of these schemas. */
  addValue(from: number, parts: readonly SchemaPart[], to: number): void;
}
