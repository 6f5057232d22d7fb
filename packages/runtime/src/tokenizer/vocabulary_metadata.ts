/** Finds the vocabulary in the metadata of a GGUF file. Copies no token. */
import { ModelError } from "../errors.ts";
import type { Metadata } from "../gguf/metadata.ts";
import type { StringArray } from "../gguf/string_array.ts";
import { stringList, TokenType, type VocabularySource } from "./vocabulary.ts";

const TOKENS = "tokenizer.ggml.tokens";
const TYPES = "tokenizer.ggml.token_type";
const MERGES = "tokenizer.ggml.merges";
const MAX_TYPE = Math.max(...Object.values(TokenType));

/** The vocabulary that the `tokenizer.*` keys describe; throws a `ModelError` where they are missing or of a wrong type. */
export function vocabularyFromMetadata(metadata: Metadata): VocabularySource {
  if (!metadata.has("tokenizer.ggml.model") || !metadata.has(TOKENS)) {
    throw new ModelError(
      "The model file has no tokenizer: tokenizer.ggml.model or tokens is missing",
    );
  }
  const tokens = metadata.strings(TOKENS);
  const model = metadata.string("tokenizer.ggml.model");
  const types = metadata.optionalNumbers(TYPES);
  const merges = metadata.optionalStrings(MERGES);
  // An empty list is a vocabulary that merges nothing.
  if (model === "gpt2" && !merges) {
    throw new ModelError(`The vocabulary has no merge rules (${MERGES}): convert the model again`);
  }
  expectUtf8(tokens);
  if (types) expectTypes(types);
  return {
    model,
    pre: metadata.optionalString("tokenizer.ggml.pre") ?? "default",
    tokens,
    merges: merges ?? stringList([]),
    scores: metadata.optionalNumbers("tokenizer.ggml.scores") as ArrayLike<number> | undefined,
    types: types ? Int32Array.from(types) : new Int32Array(tokens.length).fill(TokenType.normal),
    bosId: metadata.optionalCount("tokenizer.ggml.bos_token_id"),
    eosId: metadata.optionalCount("tokenizer.ggml.eos_token_id"),
    eotId: metadata.optionalCount("tokenizer.ggml.eot_token_id"),
    unknownId: metadata.optionalCount("tokenizer.ggml.unknown_token_id"),
    addSpacePrefix: metadata.optionalBoolean("tokenizer.ggml.add_space_prefix"),
    addBos: metadata.optionalBoolean("tokenizer.ggml.add_bos_token"),
    chatTemplate: metadata.optionalString("tokenizer.chat_template"),
  };
}

/** Pieces of characters are written in printable ones, so no token of a sound file is broken UTF-8. */
function expectUtf8(tokens: StringArray): void {
  if (isUtf8(joined(tokens))) return;
  for (let id = 0; id < tokens.length; id++) {
    if (isUtf8(tokens.bytes(id))) continue;
    throw new ModelError(
      `Token ${id} of the vocabulary is not valid UTF-8: convert the model again`,
    );
  }
}

/** All tokens with a zero after each: one look at them takes a hundredth of a look at each. */
function joined(tokens: StringArray): Uint8Array {
  let size = tokens.length;
  for (let id = 0; id < tokens.length; id++) size += tokens.bytes(id).length;
  const all = new Uint8Array(size);
  let at = 0;
  for (let id = 0; id < tokens.length; id++) {
    const bytes = tokens.bytes(id);
    all.set(bytes, at);
    at += bytes.length + 1;
  }
  return all;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function expectTypes(types: ArrayLike<number>): void {
  for (let id = 0; id < types.length; id++) {
    const type = types[id];
    if (Number.isInteger(type) && type >= 0 && type <= MAX_TYPE) continue;
    throw new ModelError(
      `Token ${id} has the type ${type} in ${TYPES}, known are 0 to ${MAX_TYPE}`,
    );
  }
}
