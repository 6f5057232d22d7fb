/** Pre-tokenizers without a published vocabulary at hand against Hugging Face's tokenizers, over a small one whose merges cross every border. */
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import {
  createTokenizer,
  stringList,
  TokenType,
} from "../../packages/runtime/src/tokenizer/mod.ts";

interface Golden {
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
  readonly texts: readonly string[];
  /** By `tokenizer.ggml.pre`: the ids of each text. */
  readonly ids: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/** Made by make_pretokenizers.py beside it; not part of the shared reference folder. */
const golden: Golden = JSON.parse(readFileSync(
  new URL("../fixtures/pretokenizers/pretokenizers.json", import.meta.url),
  "utf8",
));

for (const [pre, ids] of Object.entries(golden.ids)) {
  Deno.test(`${pre} pre-tokenizer: the ids of ${golden.texts.length} texts, and back`, () => {
    const tokenizer = createTokenizer({
      model: "gpt2",
      pre,
      tokens: stringList(golden.tokens),
      merges: stringList(golden.merges),
      types: new Int32Array(golden.tokens.length).fill(TokenType.normal),
    });
    golden.texts.forEach((text, i) => {
      assertEquals(tokenizer.encode(text), ids[i], JSON.stringify(text));
      assertEquals(tokenizer.decode(ids[i]), text);
    });
  });
}
