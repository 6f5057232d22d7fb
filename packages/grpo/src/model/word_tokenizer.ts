/** A vocabulary of whole words as a GGUF file has it, for byte-level BPE without merges. Encodes nothing itself. */
import { type Metadata, type MetadataEntry, StringArray } from "@aha/runtime/gguf";
import { TokenType } from "@aha/runtime/tokenizer";

/** What a model file says of its tokenizer. */
export interface TokenizerMetadata {
  /** V. */
  readonly vocabulary: number;
  /** `tokenizer.*` keys with their values. */
  readonly entries: readonly (readonly [string, MetadataEntry])[];
}

/** The words that have a meaning of their own. */
export interface WordRoles {
  /** Begins each text; the only word without a space before it. */
  readonly begin: string;
  readonly end: string;
  readonly padding: string;
  /** Words that stand for nothing. */
  readonly unused?: RegExp;
  /** Jinja text. */
  readonly chatTemplate: string;
}

/**
 * Each word is a token together with the space before it. So a text of words joined by single spaces that begins with the
 * first one, `<s> <en> CHAIN A 9 ?`, is one token a word and comes back as it was, here and in llama.cpp: byte-level BPE
 * looks for user-defined tokens before it merges anything, and with no merges and no tokens for bytes it drops what is left.
 * @throws {RangeError} for a role that no word has
 */
export function wordTokenizer(words: readonly string[], roles: WordRoles): TokenizerMetadata {
  const { begin, end, padding, unused, chatTemplate } = roles;
  const idOf = (word: string) => {
    const id = words.indexOf(word);
    if (id < 0) throw new RangeError(`${JSON.stringify(word)} is no word of the vocabulary`);
    return id;
  };
  const typeOf = (word: string) =>
    [begin, end, padding].includes(word)
      ? TokenType.control
      : unused?.test(word)
      ? TokenType.unused
      : TokenType.userDefined;
  return {
    vocabulary: words.length,
    entries: [
      ["tokenizer.ggml.model", text("gpt2")],
      ["tokenizer.ggml.pre", text("gpt-2")],
      ["tokenizer.ggml.tokens", strings(words.map((word) => word === begin ? word : ` ${word}`))],
      ["tokenizer.ggml.token_type", {
        ...{ type: "array", elementType: "int32", value: Int32Array.from(words, typeOf) },
      }],
      ["tokenizer.ggml.merges", strings([])],
      ["tokenizer.ggml.bos_token_id", count(idOf(begin))],
      ["tokenizer.ggml.eos_token_id", count(idOf(end))],
      ["tokenizer.ggml.padding_token_id", count(idOf(padding))],
      ["tokenizer.ggml.add_bos_token", { type: "bool", value: true }],
      ["tokenizer.chat_template", text(chatTemplate)],
    ],
  };
}

/** The tokenizer of a model that is there already, for another one that is to read and write as it does. */
export function tokenizerOf(metadata: Metadata): TokenizerMetadata {
  return {
    vocabulary: metadata.strings("tokenizer.ggml.tokens").length,
    entries: [...metadata.entries()].filter(([key]) => key.startsWith("tokenizer.")),
  };
}

function text(value: string): MetadataEntry {
  return { type: "string", value };
}

function count(value: number): MetadataEntry {
  return { type: "uint32", value };
}

function strings(values: readonly string[]): MetadataEntry {
  return { type: "array", elementType: "string", value: StringArray.from(values) };
}
