/** Finds the vocabulary in the metadata of a GGUF file. Copies no token. */
import { ModelError } from "../errors.ts";
import type { Metadata } from "../gguf/metadata.ts";
import { stringList, TokenType, type VocabularySource } from "./vocabulary.ts";

const TOKENS = "tokenizer.ggml.tokens";
const TYPES = "tokenizer.ggml.token_type";

/** The vocabulary that the `tokenizer.*` keys describe; throws a `ModelError` where they are missing or of a wrong type. */
export function vocabularyFromMetadata(metadata: Metadata): VocabularySource {
  if (!metadata.has("tokenizer.ggml.model") || !metadata.has(TOKENS)) {
    throw new ModelError(
      "The model file has no tokenizer: tokenizer.ggml.model or tokens is missing",
    );
  }
  const tokens = metadata.strings(TOKENS);
  const types = metadata.optionalNumbers(TYPES);
  return {
    model: metadata.string("tokenizer.ggml.model"),
    pre: metadata.optionalString("tokenizer.ggml.pre") ?? "default",
    tokens,
    merges: metadata.optionalStrings("tokenizer.ggml.merges") ?? stringList([]),
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
