/** A tokenizer.json and its companions as `tokenizer.*` metadata: byte-level BPE, or SentencePiece's BPE. Encodes no text. */
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { StringArray } from "../../gguf/mod.ts";
import { TokenType } from "../../tokenizer/mod.ts";
import { isObject, type JsonObject } from "../checkpoint/json_file.ts";
import { type MetadataPair, stringEntry } from "../model_metadata.ts";
import { readMerges, scoresOf } from "./merge_rules.ts";
import { pretokenizerName } from "./pretokenizer_name.ts";
import { addedByItself, chatTemplates, type IdSources, specialIds } from "./special_tokens.ts";
import { readTokens, type TokenTable } from "./token_table.ts";
import type { TokenizerFiles } from "./tokenizer_files.ts";

/** How SentencePiece's byte tokens are written. */
const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;

/**
 * The metadata of a tokenizer for a model whose embedding has `size` rows.
 * @throws {CheckpointError} if the files are malformed or do not fit together
 * @throws {UnsupportedError} if the tokenizer is of another kind or cuts text in a way that is not known
 */
export function tokenizerMetadata(
  files: TokenizerFiles,
  size: number,
  ids: IdSources,
): MetadataPair[] {
  const { where } = files;
  const { model } = files.tokenizer;
  if (!isObject(model)) throw new CheckpointError(`${where} has no model`, where);
  refuseKinds(model);
  const table = readTokens(files, size);
  const pairs = model.byte_fallback === true
    ? sentencePiece(files, model, table)
    : byteLevel(files, model, table);
  return [
    ...pairs,
    ...specialIds(files, table, ids),
    ...addedByItself(files),
    ...chatTemplates(files),
  ];
}

function refuseKinds(model: JsonObject): void {
  const { type } = model;
  // Files of the first years give no type to BPE.
  if (type !== "BPE" && !(type === undefined && model.merges !== undefined)) {
    throw new UnsupportedError(
      `The tokenizer kind ${type} is not supported (BPE is)`,
      String(type),
    );
  }
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix", "dropout"]) {
    if (!model[key]) continue;
    throw new UnsupportedError(`${key} of tokenizer.json is not supported`, key);
  }
}

function byteLevel(files: TokenizerFiles, model: JsonObject, table: TokenTable): MetadataPair[] {
  const has = (text: string) => table.added.has(text);
  const merges = readMerges(model, table, files.where).map((pair) => pair.join(" "));
  return [
    ["tokenizer.ggml.model", stringEntry("gpt2")],
    ["tokenizer.ggml.pre", stringEntry(pretokenizerName(files.tokenizer, has))],
    ["tokenizer.ggml.tokens", stringsEntry(table.texts)],
    ["tokenizer.ggml.token_type", typesEntry(table)],
    ["tokenizer.ggml.merges", stringsEntry(merges)],
  ];
}

function sentencePiece(files: TokenizerFiles, model: JsonObject, table: TokenTable) {
  const { texts, types } = table;
  texts.forEach((text, id) => {
    if (types[id] === TokenType.normal && BYTE_TOKEN.test(text)) types[id] = TokenType.byte;
    if (text === model.unk_token && types[id] !== TokenType.unused) types[id] = TokenType.unknown;
  });
  const scores = scoresOf(readMerges(model, table, files.where), table);
  const addsSpace = addsSpacePrefix(files.tokenizer);
  const pairs: MetadataPair[] = [
    ["tokenizer.ggml.model", stringEntry("llama")],
    ["tokenizer.ggml.pre", stringEntry("default")],
    ["tokenizer.ggml.tokens", stringsEntry(texts)],
    ["tokenizer.ggml.scores", { type: "array", elementType: "float32", value: scores }],
    ["tokenizer.ggml.token_type", typesEntry(table)],
    ["tokenizer.ggml.add_space_prefix", { type: "bool", value: addsSpace }],
  ];
  return pairs;
}

/** Whether a text gets a space before it; spaces must become `▁`, and nothing else may happen to the text. */
function addsSpacePrefix({ normalizer, pre_tokenizer: cut }: JsonObject): boolean {
  const steps = isObject(normalizer) && normalizer.type === "Sequence"
    ? [normalizer.normalizers].flat()
    : normalizer
    ? [normalizer]
    : [];
  const told = JSON.stringify([steps, cut]);
  const space = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const isSpace = (step: unknown) => JSON.stringify(step) === JSON.stringify(space);
  const prepends = (step: unknown) => isObject(step) && step.type === "Prepend";
  if (!cut && steps.every((step) => isSpace(step) || prepends(step)) && steps.some(isSpace)) {
    return steps.some(prepends);
  }
  if (isObject(cut) && cut.type === "Metaspace" && cut.split === false && steps.length === 0) {
    return (cut.prepend_scheme ?? "always") !== "never" && cut.add_prefix_space !== false;
  }
  throw new UnsupportedError(
    `The normalizer and pre-tokenizer of tokenizer.json are not known: ${told.slice(0, 300)}`,
    "normalizer",
  );
}

function stringsEntry(texts: readonly string[]): MetadataPair[1] {
  return { type: "array", elementType: "string", value: StringArray.from(texts) };
}

function typesEntry({ types }: TokenTable): MetadataPair[1] {
  return { type: "array", elementType: "int32", value: types };
}
