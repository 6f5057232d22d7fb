/** What rules of objects and lists need to know of the rules of values, which are made of them in turn. Types only. */
import type { Grammar } from "../automaton/grammar.ts";
import type { JsonRules } from "../automaton/json_rules.ts";
import type { SchemaPart } from "./keywords.ts";

/** Adds values to a grammar. */
export interface ValueRules {
  readonly json: JsonRules;
  readonly grammar: Grammar;
  /** Takes a value that holds to all of these schemas. */
  addValue(from: number, parts: readonly SchemaPart[], to: number): void;
}
