/** The tokenizer of a model by its name, without its weights. Resolves names by ../weights and reads by ../gguf. */
import { openGguf } from "../gguf/mod.ts";
import type { PullOptions } from "../weights/pull.ts";
import { resolveModel } from "../weights/resolve_model.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";
import { vocabularyFromMetadata } from "./vocabulary_metadata.ts";

/**
 * Opens the tokenizer of a model: a path, a URL, `hf:ORG/REPO/FILE.gguf` or a known name, which is
 * pulled first where the cache lacks it. Reads the head of the file only.
 * Throws what resolving, reading and `createTokenizer` throw.
 */
export async function openTokenizer(model: string, options: PullOptions = {}): Promise<Tokenizer> {
  const { signal } = options;
  const { gguf, source } = await openGguf(await resolveModel(model, options), { signal });
  try {
    return createTokenizer(vocabularyFromMetadata(gguf.metadata));
  } finally {
    await source.close();
  }
}
