/** Cuts a list of messages between exchanges, a user's message and what follows it. Changes no message. */
import type { ChatMessage } from "@aha/runtime";

/** The last message of the user, and what stands before it; undefined where there is none. */
export function lastExchange(
  messages: readonly ChatMessage[],
): { readonly before: readonly ChatMessage[]; readonly message: string } | undefined {
  const at = messages.findLastIndex(({ role }) => role === "user");
  if (at < 0) return undefined;
  return { before: messages.slice(0, at), message: String(messages[at].content) };
}

/** The messages without the oldest exchange, a system message stays; undefined where there is nothing to leave out. */
export function withoutOldest(
  messages: readonly ChatMessage[],
): readonly ChatMessage[] | undefined {
  const first = messages[0]?.role === "system" ? 1 : 0;
  if (messages.length === first) return undefined;
  const next = messages.findIndex(({ role }, i) => i > first && role === "user");
  return [...messages.slice(0, first), ...(next < 0 ? [] : messages.slice(next))];
}
