/** Strings of a schema: patterns, formats, lengths and fixed texts, as JSON writes them. Knows no other type. */
import { addCodePoints, type CodePointRanges } from "../automaton/code_points.ts";
import type { Grammar } from "../automaton/grammar.ts";
import type { JsonRules } from "../automaton/json_rules.ts";
import {
  automatonOf,
  type CharacterAutomaton,
  withLength,
} from "../pattern/character_automaton.ts";
import { parsePattern, PatternError } from "../pattern/pattern.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";
import type { Alternative } from "./alternatives.ts";
import { formatPattern } from "./formats.ts";
import { countAt, pointer, textAt } from "./keywords.ts";

/** A longer string is no answer. */
const MAX_LENGTH = 65_536;

/** What an alternative asks of strings. */
export interface StringBounds {
  readonly min: number;
  /** `Infinity`: no bound. */
  readonly max: number;
  /** The texts that a pattern or format leaves; lengths are in it. */
  readonly automaton?: CharacterAutomaton;
}

/** Whether more than a length is asked for. */
export function hasPattern(alternative: Alternative): boolean {
  return alternative.some(({ schema }) =>
    schema.pattern !== undefined || schema.format !== undefined
  );
}

export function stringBounds(alternative: Alternative): StringBounds {
  let [min, max] = [0, Infinity];
  const patterns: { readonly text: string; readonly path: string }[] = [];
  for (const part of alternative) {
    min = Math.max(min, countAt(part, "minLength") ?? 0);
    max = Math.min(max, countAt(part, "maxLength") ?? Infinity);
    const pattern = textAt(part, "pattern");
    if (pattern !== undefined) {
      patterns.push({ text: pattern, path: pointer(part.path, "pattern") });
    }
    const formatPath = pointer(part.path, "format");
    const format = formatPattern(textAt(part, "format") ?? "", formatPath);
    if (format !== undefined) patterns.push({ text: format, path: formatPath });
    if (min > MAX_LENGTH) {
      throw new UnsupportedSchemaError(
        `Strings of over ${MAX_LENGTH} characters are not supported`,
        pointer(part.path, "minLength"),
      );
    }
  }
  const texts = new Set(patterns.map(({ text }) => text));
  if (texts.size === 0) return { min, max };
  if (texts.size > 1) {
    throw new UnsupportedSchemaError("Several patterns or formats at once", patterns[1].path);
  }
  return { min, max, automaton: patternAutomaton(patterns[0].text, min, max, patterns[0].path) };
}

function patternAutomaton(
  text: string,
  min: number,
  max: number,
  path: string,
): CharacterAutomaton {
  try {
    const automaton = automatonOf(parsePattern(text));
    return min === 0 && max === Infinity ? automaton : withLength(automaton, min, max);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new UnsupportedSchemaError(error.message, path);
  }
}

/** Takes a string within the bounds. */
export function addBoundedString(
  rules: JsonRules,
  from: number,
  { min, max, automaton }: StringBounds,
  to: number,
): void {
  if (automaton) addAutomaton(rules.grammar, from, automaton, to);
  else if (min === 0 && max === Infinity) rules.grammar.addCall(from, rules.string, to);
  else if (min <= max) rules.grammar.addCall(from, rules.countedString(min, max), to);
}

/** Takes a quoted text of the automaton; characters are written as `JSON.stringify` writes them. */
export function addAutomaton(
  grammar: Grammar,
  from: number,
  { steps, accepts }: CharacterAutomaton,
  to: number,
): void {
  const nodes = steps.map(() => grammar.addNode());
  grammar.addText(from, '"', nodes[0]);
  steps.forEach((edges, state) => {
    if (accepts[state]) grammar.addText(nodes[state], '"', to);
    for (const { ranges, to: next } of edges) {
      addQuoted(grammar, nodes[state], ranges, nodes[next]);
    }
  });
}

/** Characters that JSON writes as an escape. */
const ESCAPED: readonly number[] = [...Array.from({ length: 32 }, (_, code) => code), 0x22, 0x5c];

function addQuoted(grammar: Grammar, from: number, ranges: CodePointRanges, to: number): void {
  const plain = ranges.flatMap(([low, high]) => {
    const parts: [number, number][] = [];
    let begin = low;
    for (const code of ESCAPED) {
      if (code < low || code > high) continue;
      grammar.addText(from, JSON.stringify(String.fromCharCode(code)).slice(1, -1), to);
      if (begin < code) parts.push([begin, code - 1]);
      begin = code + 1;
    }
    if (begin <= high) parts.push([begin, high]);
    return parts;
  });
  addCodePoints(grammar, from, plain, to);
}
