/** Public face of the tokenizer: text, token ids and conversations. No model and no weights behind it. */
export { type ChatMessage, renderChat, type RenderChatOptions } from "./chat/chat_template.ts";
export { encodeChat, type EncodeChatOptions, withAnswerIds } from "./chat/encode_chat.ts";
export { openTokenizer } from "./open_tokenizer.ts";
export { createTokenizer, type SpecialOption, type Tokenizer } from "./tokenizer.ts";
export { Utf8Stream } from "./utf8_stream.ts";
export { type StringList, stringList, TokenType, type VocabularySource } from "./vocabulary.ts";
export { vocabularyFromMetadata } from "./vocabulary_metadata.ts";
