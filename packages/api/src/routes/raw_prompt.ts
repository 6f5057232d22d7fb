/** The ids of a prompt that no template makes: control tokens in it count. Generates nothing. */
import type { ServedModel } from "../engine/served_model.ts";
import { ApiError } from "../errors.ts";

/** A text whose control tokens are parsed, with one BOS where the model wants it, also if the text has it already. */
export async function rawPromptIds(model: ServedModel, text: string): Promise<readonly number[]> {
  const ids = await model.tokenize(text, { special: true });
  const bos = await bosOf(model);
  return bos === undefined || ids[0] === bos ? ids : [bos, ...ids];
}

/** The token that this model's prompts begin with, if any. */
export async function bosOf(model: ServedModel): Promise<number | undefined> {
  const [bos] = await model.tokenize("", { addBos: true });
  return bos;
}

/**
 * The ids, all of which the model has.
 * @throws {ApiError} 400 naming the first one that it has not
 */
export function checkIds(
  { facts }: ServedModel,
  ids: readonly number[],
  param: string,
): readonly number[] {
  const wrong = ids.find((id) => id >= facts.vocabulary);
  if (wrong === undefined) return ids;
  const message = `${param} has ${wrong}, which is outside the vocabulary of ${facts.vocabulary}`;
  throw new ApiError("invalid", message, { param });
}
