/** The merges of tokenizer.json as GGUF files need them: a list of pairs, or scores. Merges no text. */
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { TokenType } from "../../tokenizer/mod.ts";
import type { JsonObject } from "../checkpoint/json_file.ts";
import type { TokenTable } from "./token_table.ts";

/** Two tokens that become one. */
export type MergePair = readonly [left: string, right: string];

/** Score of tokens that stand apart from text, and of places without a token (llama.cpp writes the same). */
const ADDED_SCORE = -1000;
const UNUSED_SCORE = -10000;

/**
 * The pairs of `model.merges`, the most wanted first; written `"a b"` or `["a", "b"]`.
 * @throws {CheckpointError} if one is no pair of tokens that make a token
 */
export function readMerges(model: JsonObject, { plain }: TokenTable, where: string): MergePair[] {
  if (!Array.isArray(model.merges)) {
    throw new CheckpointError(`${where} has no model.merges`, where);
  }
  return model.merges.map((rule: unknown, rank) => {
    const pair: unknown = typeof rule === "string" ? rule.split(" ") : rule;
    if (!isPair(pair) || pair.some((part) => part === "" || part.includes(" "))) {
      const told = JSON.stringify(rule)?.slice(0, 80);
      throw new CheckpointError(`${where}: merge ${rank} is ${told}, no pair of tokens`, where);
    }
    const missing = [...pair, pair[0] + pair[1]].find((text) => !plain.has(text));
    if (missing === undefined) return pair;
    const token = JSON.stringify(missing.slice(0, 80));
    throw new CheckpointError(`${where}: merge ${rank} needs the token ${token}`, where);
  });
}

/**
 * One score a token, such that merging by the score of what comes out is merging by these pairs (SentencePiece's BPE).
 * @throws {UnsupportedError} if no scores say the same as the pairs
 */
export function scoresOf(merges: readonly MergePair[], table: TokenTable): Float32Array {
  const { plain, types } = table;
  const scores = Float32Array.from(types, (type) => {
    if (type === TokenType.unused) return UNUSED_SCORE;
    const isAdded = type === TokenType.control || type === TokenType.userDefined;
    return isAdded ? ADDED_SCORE : -merges.length;
  });
  const listed = new Map<string, Set<number>>();
  let last = "";
  merges.forEach(([left, right], rank) => {
    const merged = left + right;
    const lengths = listed.get(merged) ?? new Set();
    if (lengths.size > 0 && merged !== last) throw notScored(merged);
    if (lengths.size === 0) scores[plain.get(merged) as number] = 0 - rank;
    listed.set(merged, lengths.add(left.length));
    last = merged;
  });
  for (const [text, id] of plain) {
    if (types[id] !== TokenType.normal) continue;
    const lengths = listed.get(text);
    for (let middle = 1; middle < text.length; middle++) {
      if (lengths?.has(middle)) continue;
      if (isNormal(table, text.slice(0, middle)) && isNormal(table, text.slice(middle))) {
        throw notScored(text);
      }
    }
  }
  return scores;
}

function isNormal({ plain, types }: TokenTable, text: string): boolean {
  const id = plain.get(text);
  return id !== undefined && types[id] === TokenType.normal;
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 &&
    value.every((part) => typeof part === "string");
}

function notScored(text: string): UnsupportedError {
  const token = JSON.stringify(text.slice(0, 80));
  return new UnsupportedError(
    `The merges of tokenizer.json cannot be written as scores: those of ${token} are not all together`,
    "merges",
  );
}
