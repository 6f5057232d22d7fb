/** The tokens of a model by id: those of tokenizer.json, added ones, and places that no text has. Knows no merges. */
import { CheckpointError } from "../../errors.ts";
import { isObject, type JsonObject } from "../checkpoint/json_file.ts";
import { TokenType } from "../../tokenizer/mod.ts";
import type { TokenizerFiles } from "./tokenizer_files.ts";

/** Tokens and their kinds, one for each row of the embedding. */
export interface TokenTable {
  readonly texts: readonly string[];
  /** Values of `TokenType`. */
  readonly types: Int32Array;
  /** Ids of tokens that stand apart from plain text, by their text. */
  readonly added: ReadonlyMap<string, number>;
  /** Ids of the tokens that merges make and use. */
  readonly plain: ReadonlyMap<string, number>;
}

interface AddedToken {
  readonly id: number;
  readonly text: string;
  readonly isSpecial: boolean;
}

/** Added tokens that steer a model although their file does not call them special (llama.cpp treats them likewise). */
const SEEMS_SPECIAL = /^(<\|.*\|>|<｜.*｜>|<unused.*>|<pad>|<mask>|<2mass>|\[@BOS@\])$/s;

/**
 * All tokens of a model whose embedding has `size` rows. Rows without a token get `[PAD<id>]`, unused.
 * @throws {CheckpointError} if an id is none, is given twice or has no row
 */
export function readTokens(files: TokenizerFiles, size: number): TokenTable {
  const { tokenizer, where } = files;
  const vocabulary = isObject(tokenizer.model) ? tokenizer.model.vocab : undefined;
  if (!isObject(vocabulary)) throw new CheckpointError(`${where} has no model.vocab`, where);
  const texts: string[] = new Array(size).fill("");
  const types = new Int32Array(size).fill(TokenType.unused);
  const place = (text: string, id: unknown): number => {
    if (Number.isSafeInteger(id) && id as number >= 0 && id as number < size) return id as number;
    const token = JSON.stringify(text.slice(0, 80));
    throw new CheckpointError(
      `${where} gives token ${token} the id ${id}, the model has ${size} tokens`,
      where,
    );
  };
  const plain = new Map<string, number>();
  for (const [text, value] of Object.entries(vocabulary)) {
    const id = place(text, value);
    if (types[id] !== TokenType.unused) throw twice(where, id, texts[id], text);
    texts[id] = text;
    types[id] = TokenType.normal;
    plain.set(text, id);
  }
  const added = new Map<string, number>();
  for (const token of addedTokens(files)) {
    const id = place(token.text, token.id);
    if (types[id] !== TokenType.unused && texts[id] !== token.text) {
      throw twice(where, id, texts[id], token.text);
    }
    const isControl = token.isSpecial || SEEMS_SPECIAL.test(token.text);
    types[id] = isControl ? TokenType.control : TokenType.userDefined;
    texts[id] = isControl ? token.text : token.text.replaceAll("▁", " ");
    added.set(token.text, id);
  }
  types.forEach((type, id) => {
    if (type === TokenType.unused) texts[id] = `[PAD${id}]`;
  });
  return { texts, types, added, plain };
}

/** Of all files, each id once; tokenizer.json comes first. */
function addedTokens({ tokenizer, config, legacyAdded, where }: TokenizerFiles): AddedToken[] {
  const byId = new Map<number, AddedToken>();
  const add = (id: unknown, text: unknown, isSpecial: boolean) => {
    if (typeof id !== "number" || typeof text !== "string") {
      throw new CheckpointError(`${where} has an added token without id or content`, where);
    }
    const known = byId.get(id);
    if (known && known.text !== text) throw twice(where, id, known.text, text);
    byId.set(id, { id, text, isSpecial: isSpecial || known?.isSpecial === true });
  };
  for (const token of asList(tokenizer.added_tokens)) {
    add(token.id, token.content, token.special === true);
  }
  const decoder = isObject(config.added_tokens_decoder) ? config.added_tokens_decoder : {};
  for (const [id, token] of Object.entries(decoder)) {
    if (isObject(token)) add(Number(id), token.content, token.special === true);
  }
  for (const [text, id] of Object.entries(legacyAdded)) add(id, text, false);
  return [...byId.values()];
}

function asList(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function twice(where: string, id: number, one: string, other: string): CheckpointError {
  const texts = [one, other].map((text) => JSON.stringify(text.slice(0, 80))).join(" and ");
  return new CheckpointError(`${where}: id ${id} stands for ${texts}`, where);
}
