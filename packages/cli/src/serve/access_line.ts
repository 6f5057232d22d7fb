/** Writes a request's line of the access log. Writes no file. */
import type { AccessEntry } from "@aha/api";
import { printable } from "../terminal/size_text.ts";

/** The line, without its end: one JSON document, or words for people. */
export function accessLine(entry: AccessEntry, form: "text" | "json"): string {
  if (form === "json") return JSON.stringify(entry);
  const { time, status, method, path, durationMs, client, model, requestId, prompt } = entry;
  const words = [time, status, method, path, `${Math.round(durationMs)} ms`];
  if (model !== undefined) {
    words.push(model, `${entry.promptTokens}+${entry.completionTokens} tokens`);
  }
  if (client !== undefined) words.push(`for ${client}`);
  words.push(requestId);
  if (prompt !== undefined) words.push(JSON.stringify(prompt));
  return printable(words.join(" ")).replaceAll("\n", "\\n");
}
