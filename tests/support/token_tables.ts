/** The tokenizer reference tables: their shape, and the vocabulary of a model file to check them with. Makes no assertion. */
import {
  createTokenizer,
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
