/** A byte-level tokenizer of single letters and some tags, for tests of thoughts. Merges nothing. */
import {
  createTokenizer,
  stringList,
  type Tokenizer,
} from "../../packages/runtime/src/tokenizer/mod.ts";

/** `tags` are token texts of their own; letters and signs are single tokens. */
export function tokenizerWith(
  tags: readonly string[],
  type: number,
  chatTemplate?: string,
): Tokenizer {
  const letters = [..."abcdefghijklmnopqrstuvwxyzINHTK<>/[]_", "Ċ", "Ġ"];
  const tokens = [...letters, "<end>", ...tags];
  return createTokenizer({
    model: "gpt2",
    pre: "qwen2",
    tokens: stringList(tokens),
    merges: stringList([]),
    types: Int32Array.from(
      tokens,
      (_, id) => id < letters.length ? 1 : id === letters.length ? 3 : type,
    ),
    eosId: letters.length,
    chatTemplate,
  });
}
