/** What is wrong with a conversation. Knows no HTTP: `errors.ts` chooses the status. */

/** A request that cannot be answered, told by the name of the field in OpenAI's form. */
export class ChatRequestError extends RangeError {
  override readonly name = "ChatRequestError";
  /** @param param `messages[2].content[0]`, `tools[0].function.name`, `tool_choice` */
  constructor(readonly param: string, message: string) {
    super(message);
  }
}
