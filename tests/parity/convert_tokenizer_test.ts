/** Converted tokenizers against llama.cpp's files, and published ones against the ids of Hugging Face's tokenizers. */
import { assert, assertEquals } from "@std/assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { blobFolder, openFolder } from "../../packages/runtime/src/convert/mod.ts";
import { readTokenizerFiles } from "../../packages/runtime/src/convert/vocabulary/tokenizer_files.ts";
import { tokenizerMetadata } from "../../packages/runtime/src/convert/vocabulary/tokenizer_metadata.ts";
import { Metadata, type MetadataEntry, openGguf } from "../../packages/runtime/src/gguf/mod.ts";
import {
  createTokenizer,
  type Tokenizer,
  vocabularyFromMetadata,
} from "../../packages/runtime/src/tokenizer/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { publishedTokenizerJson } from "../support/published_tokenizer.ts";
import type { TokenTable } from "../support/token_tables.ts";

async function convertedTokenizer(json: unknown, size: number): Promise<[Metadata, Tokenizer]> {
  const folder = blobFolder("m", new Map([["tokenizer.json", new Blob([JSON.stringify(json)])]]));
  const files = await readTokenizerFiles(folder);
  const pairs = tokenizerMetadata(files, size, { model: {}, generation: undefined });
  const metadata = new Metadata(new Map(pairs));
  return [metadata, createTokenizer(vocabularyFromMetadata(metadata))];
}

function plain(entry: MetadataEntry | undefined): unknown {
  const value = entry?.value;
  return { ...entry, value: typeof value === "object" ? [...value as Iterable<unknown>] : value };
}

const MODELS = readdirSync(fixturePath("models")).filter((model) =>
  existsSync(fixturePath(`models/${model}/hf/tokenizer.json`)) &&
  existsSync(fixturePath(`models/${model}/gguf`))
);

for (const model of MODELS) {
  Deno.test(`tokenizerMetadata: ${model} has the keys of llama.cpp's file`, async () => {
    const folder = fixturePath(`models/${model}`);
    const [file] = readdirSync(`${folder}/gguf`);
    const { gguf, source } = await openGguf(`${folder}/gguf/${file}`);
    const config = JSON.parse(readFileSync(`${folder}/hf/config.json`, "utf8"));
    const files = await readTokenizerFiles(await openFolder(`${folder}/hf`));
    const ids = { model: config, generation: undefined };
    const own = new Map(tokenizerMetadata(files, config.vocab_size, ids));
    const theirs = [...gguf.metadata.entries()].filter(([key]) => key.startsWith("tokenizer."));
    assertEquals([...own.keys()].sort(), theirs.map(([key]) => key).sort());
    for (const [key, entry] of theirs) assertEquals(plain(own.get(key)), plain(entry), key);
    await source.close();
  });
}

Deno.test("tokenizerMetadata: the fixtures have three kinds of tokenizers", () => {
  for (const model of ["llama_untied", "qwen2", "deepseek_v3"]) assert(MODELS.includes(model));
});

for (
  const [name, pre, rows] of [["qwen3", "qwen2", 151936], [
    "deepseek_v3",
    "deepseek-v3",
    129280,
  ]] as const
) {
  Deno.test(`tokenizerMetadata: ${name} as published gives the ids of Hugging Face's tokenizers`, async () => {
    const json = await publishedTokenizerJson(name);
    const [metadata, tokenizer] = await convertedTokenizer(json, rows);
    assertEquals(metadata.string("tokenizer.ggml.pre"), pre);
    assertEquals(metadata.strings("tokenizer.ggml.tokens").length, rows);
    assertEquals(metadata.strings("tokenizer.ggml.merges").length, json.model.merges.length);
    for (const { text, ids, decoded } of fixtureJson<TokenTable>(`tokens/${name}.json`).cases) {
      assertEquals(tokenizer.encode(text, { special: true }), ids, JSON.stringify(text));
      assertEquals(tokenizer.decode(ids), decoded ?? text);
    }
  });
}

interface SentencePieceTable {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  readonly types: readonly number[];
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly special: readonly { readonly text: string; readonly ids: readonly number[] }[];
}

Deno.test("tokenizerMetadata: a tokenizer.json of SentencePiece's kind gives sentencepiece's ids", async () => {
  const table: SentencePieceTable = JSON.parse(
    readFileSync(new URL("../fixtures/sentencepiece/sentencepiece.json", import.meta.url), "utf8"),
  );
  const [metadata, tokenizer] = await convertedTokenizer(asTokenizerJson(table), 700);
  assertEquals([...metadata.strings("tokenizer.ggml.tokens")], [...table.tokens]);
  assertEquals([...metadata.numbers("tokenizer.ggml.token_type")], [...table.types]);
  for (const { text, ids } of table.cases) assertEquals(tokenizer.encode(text), ids, text);
  for (const { text, ids } of table.special) {
    assertEquals(tokenizer.encode(text, { special: true }), ids, text);
  }
});

/** As transformers' converter writes SentencePiece's pieces: all pairs of pieces that make a piece, by its score. */
function asTokenizerJson({ tokens, scores, types }: SentencePieceTable): unknown {
  const ids = new Map(tokens.map((text, id) => [text, id]));
  const merges: [number, string[]][] = [];
  tokens.forEach((text, id) => {
    for (let middle = 1; types[id] === 1 && middle < text.length; middle++) {
      const pair = [text.slice(0, middle), text.slice(middle)];
      const known = pair.every((part) => types[ids.get(part) ?? -1] === 1);
      if (known) merges.push([-scores[id], pair]);
    }
  });
  merges.sort(([a], [b]) => a - b);
  const added = tokens.map((content, id) => ({ id, content, special: types[id] < 4 }))
    .filter(({ id }) => [2, 3, 4].includes(types[id]));
  const space = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    added_tokens: added,
    normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, space] },
    pre_tokenizer: null,
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(ids),
      merges: merges.map(([, pair]) => pair),
    },
  };
}
