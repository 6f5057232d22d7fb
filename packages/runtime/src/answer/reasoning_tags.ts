/** Finds the tags around a model's thoughts, and what a prompt has of the answer's thought. Splits no answer. */
import type { Tokenizer } from "../tokenizer/mod.ts";
import { TokenType, type VocabularySource } from "../tokenizer/vocabulary.ts";

/** Where a thought begins and ends. */
export interface ReasoningTags {
  readonly open: string;
  readonly close: string;
  /** Where each tag is a single token; else the tags are looked for in the text. */
  readonly ids?: { readonly open: number; readonly close: number };
}

/** DeepSeek-R1's and Qwen's tags, Magistral's, and R1's where a token is a word with the space before it. */
const PAIRS: readonly (readonly [open: string, close: string])[] = [
  ["<think>", "</think>"],
  ["[THINK]", "[/THINK]"],
  [" <think>", " </think>"],
];
/** Where tags are text: the prompt's last tokens, in which an open one may stand. */
const TAIL_TOKENS = 32;

/** The tags that the vocabulary has as tokens, else those that the chat template writes; undefined: the model does not think. */
export function reasoningTagsOf(tokenizer: Tokenizer): ReasoningTags | undefined {
  const { controlTokens, chatTemplate } = tokenizer;
  for (const [open, close] of PAIRS) {
    const ids = { open: controlTokens.get(open), close: controlTokens.get(close) };
    if (ids.open !== undefined && ids.close !== undefined) {
      return { open, close, ids: { open: ids.open, close: ids.close } };
    }
  }
  for (const [open, close] of PAIRS) {
    if (chatTemplate?.includes(open)) return { open, close };
  }
  return undefined;
}

/** Whether a tokenizer of this vocabulary has such tags; to know it none needs to be made. */
export function writesThoughts({ tokens, types, chatTemplate }: VocabularySource): boolean {
  const special = new Set<string>();
  types.forEach((type, id) => {
    if (type === TokenType.control || type === TokenType.userDefined) special.add(tokens.at(id));
  });
  return PAIRS.some(([open, close]) =>
    (special.has(open) && special.has(close)) || chatTemplate?.includes(open)
  );
}

/**
 * The answer's thought as far as the prompt has it: `open` after R1's pre-filled `<think>`, `closed` after an empty one;
 * undefined where none has begun.
 */
export function thoughtIn(
  tokenizer: Tokenizer,
  tags: ReasoningTags,
  promptIds: readonly number[],
): "open" | "closed" | undefined {
  if (!tags.ids) {
    const known = promptIds.slice(-TAIL_TOKENS).filter((id) => id < tokenizer.vocabularySize);
    const tail = tokenizer.decode(known).trimEnd();
    return tail.endsWith(tags.open) ? "open" : tail.endsWith(tags.close) ? "closed" : undefined;
  }
  for (let i = promptIds.length - 1; i >= 0; i--) {
    const id = promptIds[i];
    if (id === tags.ids.open) return "open";
    if (id === tags.ids.close) return "closed";
    if (tokenizer.endIds.has(id)) return undefined;
  }
  return undefined;
}

/** The tokens that end a thought; a blank line follows, as the models themselves write it. */
export function closingIds(tokenizer: Tokenizer, { close }: ReasoningTags): number[] {
  return tokenizer.encode(`${close}\n\n`, { special: true });
}
