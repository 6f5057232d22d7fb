/** Vocabularies and walks through constraints, for tests of constrained output. Knows no schema. */
import type { TokenConstraint, Tokenizer } from "../../packages/runtime/mod.ts";
import { createTokenizer, stringList } from "../../packages/runtime/src/tokenizer/mod.ts";
import { assert, assertEquals } from "@std/assert";

const encoder = new TextEncoder();

/** A tokenizer of single bytes (but for `missing` ones), the given texts and control tokens; id 0 ends a turn. */
export function tinyTokenizer(
  texts: readonly string[] = [],
  missing: readonly number[] = [],
  control: readonly string[] = [],
): Tokenizer {
  const tokens: Uint8Array[] = [encoder.encode("<end>")];
  for (let byte = 0; byte < 256; byte++) {
    if (!missing.includes(byte)) tokens.push(new Uint8Array([byte]));
  }
  tokens.push(...texts.map((text) => encoder.encode(text)));
  const controlTokens = new Map(control.map((text, i) => [text, tokens.length + i]));
  controlTokens.set("<end>", 0);
  tokens.push(...control.map((text) => encoder.encode(text)));
  const base = createTokenizer({
    ...{ model: "gpt2", pre: "smollm", tokens: stringList(tokens.map((_, i) => `t${i}`)) },
    ...{ merges: stringList([]), types: new Int32Array(tokens.length).fill(1) },
  });
  return Object.assign(Object.create(base), {
    ...{ vocabularySize: tokens.length, endIds: new Set([0]), controlTokens },
    bytesOf: (id: number) => tokens[id],
    encode: (text: string) =>
      [...encoder.encode(text)].map((byte) =>
        tokens.findIndex((bytes) => bytes.length === 1 && bytes[0] === byte)
      ),
  });
}

/** Whether the constraint allows the token now. */
export function isAllowed(constraint: TokenConstraint, id: number): boolean {
  const mask = constraint.allowed();
  return mask === undefined || (mask[id >> 5] >>> (id & 31) & 1) === 1;
}

/** The ids that the constraint allows now. */
export function allowedIds(constraint: TokenConstraint, tokenizer: Tokenizer): number[] {
  const ids: number[] = [];
  for (let id = 0; id < tokenizer.vocabularySize; id++) if (isAllowed(constraint, id)) ids.push(id);
  return ids;
}

/** The text of the tokens; throws where they are not UTF-8. */
export function textOf(tokenizer: Tokenizer, ids: readonly number[]): string {
  const bytes = ids.flatMap((id) => [...tokenizer.bytesOf(id)]);
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
}

/** Whether each token is allowed when its turn comes and the text may end after them. */
export function acceptsAll(constraint: TokenConstraint, ids: readonly number[]): boolean {
  for (const id of ids) {
    if (!isAllowed(constraint, id)) return false;
    constraint.accept(id);
  }
  return constraint.mayEnd;
}

/**
 * Draws allowed tokens, most of them at random; after each one a copy of the walk is closed and `check` sees the text.
 * Fails where there is no token and the text may not end, or where a closing token is not allowed.
 */
export function walk(
  start: () => TokenConstraint,
  tokenizer: Tokenizer,
  random: (limit: number) => number,
  maxTokens: number,
  check: (text: string) => void,
): void {
  const constraint = start();
  const ids: number[] = [];
  while (true) {
    const closed = start();
    for (const id of ids) closed.accept(id);
    const closing = closed.closing();
    for (const id of closing) {
      assert(isAllowed(closed, id), `closing token ${id} after ${JSON.stringify(ids)}`);
      closed.accept(id);
    }
    assert(closed.mayEnd);
    assertEquals(closed.closing(), []);
    check(textOf(tokenizer, [...ids, ...closing]));
    if (ids.length === maxTokens || constraint.isComplete) return;
    const allowed = allowedIds(constraint, tokenizer);
    assert(allowed.length > 0 || constraint.mayEnd, `a dead end after ${JSON.stringify(ids)}`);
    if (allowed.length === 0) return;
    const next = constraint.closing();
    const id = next.length > 0 && random(4) === 0 ? next[0] : allowed[random(allowed.length)];
    constraint.accept(id);
    ids.push(id);
  }
}
