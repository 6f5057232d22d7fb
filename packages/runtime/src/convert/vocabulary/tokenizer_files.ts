/** Reads the files that describe a model's tokenizer. Gives their keys no meaning. */
import { CheckpointError } from "../../errors.ts";
import type { ModelFolder } from "../checkpoint/folder.ts";
import { type JsonObject, readJsonFile, readTextFile } from "../checkpoint/json_file.ts";

/** The files; those that are missing are empty. */
export interface TokenizerFiles {
  /** tokenizer.json. */
  readonly tokenizer: JsonObject;
  /** tokenizer_config.json over special_tokens_map.json. */
  readonly config: JsonObject;
  /** added_tokens.json of older folders: texts with ids. */
  readonly legacyAdded: JsonObject;
  /** chat_template.jinja. */
  readonly chatTemplate?: string;
  /** Path of tokenizer.json, for messages. */
  readonly where: string;
}

/**
 * Reads them.
 * @throws {CheckpointError} if tokenizer.json is missing, or a file is malformed
 * @throws {SourceError} if a file cannot be read
 */
export async function readTokenizerFiles(
  folder: ModelFolder,
  signal?: AbortSignal,
): Promise<TokenizerFiles> {
  const where = `${folder.name}/tokenizer.json`;
  const tokenizer = await readJsonFile(folder, "tokenizer.json", signal);
  if (!tokenizer) {
    throw new CheckpointError(
      `${folder.name} has no tokenizer.json: a tokenizer in the form of Hugging Face's tokenizers is wanted`,
      where,
    );
  }
  const read = async (name: string) => await readJsonFile(folder, name, signal) ?? {};
  return {
    tokenizer,
    config: {
      ...await read("special_tokens_map.json"),
      ...await read("tokenizer_config.json"),
    },
    legacyAdded: await read("added_tokens.json"),
    chatTemplate: await readTextFile(folder, "chat_template.jinja", signal),
    where,
  };
}
