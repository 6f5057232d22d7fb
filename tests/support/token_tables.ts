/** The tokenizer reference tables: their shape, the vocabulary of a model file, the check of the chats' ids. Knows no model. */
import { assertEquals } from "@std/assert";
import {
  createTokenizer,
  encodeChat,
  type Tokenizer,
  vocabularyFromMetadata,
} from "../../packages/runtime/src/tokenizer/mod.ts";
import { openFileSource, readGguf } from "../../packages/runtime/src/gguf/mod.ts";

/** `tokens/<tokenizer>.json`. */
export interface TokenTable {
  readonly cases: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    /** Present where decoding does not give the text back. */
    readonly decoded?: string;
  }[];
  readonly decode: readonly {
    readonly ids: readonly number[];
    readonly text: string;
    readonly text_skip_special: string;
  }[];
}

/** `tokens/chat_templates.json`. */
export interface ChatTable {
  readonly chats: readonly {
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly tools?: readonly unknown[];
  }[];
  readonly templates: Readonly<Record<string, string>>;
  readonly special: Readonly<Record<string, { bos_token: string; eos_token: string }>>;
  readonly cases: readonly {
    readonly tokenizer: string;
    readonly chat: number;
    readonly add_generation_prompt: boolean;
    readonly enable_thinking?: boolean;
    readonly rendered: string;
    readonly ids: readonly number[];
  }[];
}

/** The tokenizer inside a GGUF file. */
export async function tokenizerOfFile(path: string): Promise<Tokenizer> {
  const source = await openFileSource(path);
  try {
    return createTokenizer(vocabularyFromMetadata((await readGguf(source)).metadata));
  } finally {
    await source.close();
  }
}

/**
 * Compares rendered texts and ids of all chats of one tokenizer; gives the number of chats whose ids were compared. The
 * others hold a control token that a user wrote: the reference parses it, here it stays text.
 */
export function checkChatIds(tokenizer: Tokenizer, table: ChatTable, name: string): number {
  let compared = 0;
  for (const chatCase of table.cases) {
    if (chatCase.tokenizer !== name) continue;
    const { chat, add_generation_prompt, enable_thinking, rendered, ids } = chatCase;
    const { messages, tools } = table.chats[chat];
    const own = encodeChat(tokenizer, table.templates[name], messages, {
      addGenerationPrompt: add_generation_prompt,
      tools,
      variables: enable_thinking === undefined ? {} : { enable_thinking },
    });
    assertEquals(tokenizer.decode(own), rendered);
    const texts = [...tokenizer.controlTokens.keys()];
    const isForeign = ({ role, content }: { role: string; content?: unknown }) =>
      role !== "assistant" && texts.some((text) => String(content).includes(text));
    if (messages.some(isForeign)) continue;
    assertEquals(own, ids, `${name}, chat ${chat}`);
    compared++;
  }
  return compared;
}
