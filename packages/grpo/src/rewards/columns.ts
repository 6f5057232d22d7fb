/** Parts of a row that several rewards look at: the gold column, the reasoning, the answer behind it. Judges nothing. */
import type { RewardRow } from "./row_errors.ts";

/** Columns in which tasks keep their answer, in order: TRL's name first. */
const GOLD_COLUMNS = ["solution", "answer"];

/** The row's gold answer as text. Throws a TypeError if there is no such column, or no text or number in it. */
export function goldOf({ columns }: RewardRow, column: string | undefined): string {
  const name = column ?? GOLD_COLUMNS.find((other) => other in columns);
  if (name === undefined || !(name in columns)) {
    const wanted = column ?? GOLD_COLUMNS.join(" or ");
    throw new TypeError(
      `there is no column ${wanted}, the task has ${Object.keys(columns).join(", ") || "none"}`,
    );
  }
  const gold = columns[name];
  if (typeof gold === "string") return gold;
  if (typeof gold === "number" || typeof gold === "bigint") return String(gold);
  throw new TypeError(`column ${name} holds ${gold === null ? "null" : typeof gold}, not a text`);
}

/** Text behind the last end tag of reasoning; undefined if there is none. */
export function answerPart(completion: string, endTag = "</think>"): string | undefined {
  const end = completion.lastIndexOf(endTag);
  return end < 0 ? undefined : completion.slice(end + endTag.length);
}

/** Text between the first `<think>` (or the beginning) and `</think>` (or the end); all of it without any tag. */
export function reasoningPart(completion: string): string {
  const open = completion.indexOf("<think>");
  const start = open < 0 ? 0 : open + "<think>".length;
  const end = completion.indexOf("</think>", start);
  return completion.slice(start, end < 0 ? undefined : end);
}
