/** Which tokens begin and end a text, whether they are added by themselves, and the chat template. Reads no file. */
import { StringArray } from "../../gguf/mod.ts";
import { isObject, type JsonObject } from "../checkpoint/json_file.ts";
import { countEntry, type MetadataPair, stringEntry } from "../model_metadata.ts";
import type { TokenTable } from "./token_table.ts";
import type { TokenizerFiles } from "./tokenizer_files.ts";

const KEYS: readonly (readonly [role: string, key: string])[] = [
  ["bos", "bos_token_id"],
  ["eos", "eos_token_id"],
  ["unk", "unknown_token_id"],
  ["pad", "padding_token_id"],
];

/** Keys for further tokens that end an answer, where generation_config.json lists several. */
const MORE_ENDS = ["eot_token_id", "eom_token_id"];

/** Where ids may stand besides the tokenizer's own files. */
export interface IdSources {
  /** config.json. */
  readonly model: JsonObject;
  /** generation_config.json. */
  readonly generation: JsonObject | undefined;
}

/** Ids of special tokens: as the tokenizer's files name them, else as config.json numbers them. */
export function specialIds(
  { config }: TokenizerFiles,
  table: TokenTable,
  { model, generation }: IdSources,
): MetadataPair[] {
  const size = table.texts.length;
  const isId = (id: unknown): id is number =>
    Number.isSafeInteger(id) && id as number >= 0 && id as number < size;
  const ids = new Map<string, number>();
  for (const [role, key] of KEYS) {
    const text = textOf(config[`${role}_token`]);
    const named = text === undefined ? undefined : table.added.get(text) ?? table.plain.get(text);
    const id = named ?? [model[`${role}_token_id`]].flat().find(isId);
    if (id !== undefined) ids.set(key, id);
  }
  const ends = [generation?.eos_token_id ?? model.eos_token_id].flat().filter(isId);
  const others = [...new Set(ends)].filter((id) => id !== ids.get("eos_token_id"));
  MORE_ENDS.forEach((key, i) => {
    if (others.length > i) ids.set(key, others[i]);
  });
  return Array.from(ids, ([key, id]) => [`tokenizer.ggml.${key}`, countEntry(id)]);
}

/** `add_bos_token` and `add_eos_token`: as the tokenizer's configuration says, else as its post-processor does. */
export function addedByItself({ tokenizer, config }: TokenizerFiles): MetadataPair[] {
  const pairs: MetadataPair[] = [];
  const template = templateEnds(tokenizer.post_processor);
  for (const [role, found] of [["bos", template?.first], ["eos", template?.last]] as const) {
    const said = config[`add_${role}_token`];
    const value = typeof said === "boolean"
      ? said
      : found === undefined
      ? undefined
      : found === textOf(config[`${role}_token`]);
    if (value === undefined) continue;
    pairs.push([`tokenizer.ggml.add_${role}_token`, { type: "bool", value }]);
  }
  return pairs;
}

/** The special tokens around a single text in a `TemplateProcessing`. */
function templateEnds(processor: unknown): { first?: string; last?: string } | undefined {
  if (!isObject(processor)) return undefined;
  if (Array.isArray(processor.processors)) {
    return processor.processors.map(templateEnds).find((ends) => ends !== undefined);
  }
  const { single } = processor;
  if (processor.type !== "TemplateProcessing" || !Array.isArray(single)) return undefined;
  const idOf = (part: unknown): string | undefined => {
    const token = isObject(part) ? part.SpecialToken : undefined;
    return isObject(token) && typeof token.id === "string" ? token.id : undefined;
  };
  return { first: idOf(single[0]), last: idOf(single.at(-1)) };
}

/** The chat templates: chat_template.jinja, else one or several by name in the tokenizer's configuration. */
export function chatTemplates({ config, chatTemplate }: TokenizerFiles): MetadataPair[] {
  const told = chatTemplate ?? config.chat_template;
  if (typeof told === "string") return [["tokenizer.chat_template", stringEntry(told)]];
  if (!Array.isArray(told)) return [];
  const pairs: MetadataPair[] = [];
  const names: string[] = [];
  for (const choice of told.filter(isObject)) {
    const { name, template } = choice;
    if (typeof name !== "string" || typeof template !== "string") continue;
    const plainName = name.replace(/[^A-Za-z0-9]/g, "_");
    if (name === "default") pairs.push(["tokenizer.chat_template", stringEntry(template)]);
    else if (!names.includes(plainName)) {
      names.push(plainName);
      pairs.push([`tokenizer.chat_template.${plainName}`, stringEntry(template)]);
    }
  }
  if (names.length > 0) {
    const value = StringArray.from(names);
    pairs.push(["tokenizer.chat_templates", { type: "array", elementType: "string", value }]);
  }
  return pairs;
}

/** A token as text, or as the object that older files write. */
function textOf(token: unknown): string | undefined {
  if (isObject(token)) return textOf(token.content);
  return typeof token === "string" ? token : undefined;
}
