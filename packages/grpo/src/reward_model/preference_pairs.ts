/** Preferences as data: pairs of answers of which one is better. Reads files of them and asks judges in both orders; trains nothing. */
import type { ChatMessage } from "@aha/runtime";
import { DataError } from "../tasks/files/data_error.ts";
import { type DataSource, readRecords } from "../tasks/files/records.ts";

/** A prompt with a better and a worse answer; TRL's names. */
export interface PreferencePair {
  readonly prompt: string | readonly ChatMessage[];
  readonly chosen: string;
  readonly rejected: string;
}

/**
 * The pairs of a file with `prompt`, `chosen` and `rejected` in each row; the answers are texts, or lists of messages whose
 * last one counts.
 * @throws {DataError} for a file without rows, and naming the lines that cannot be used
 */
export async function readPreferencePairs(source: DataSource): Promise<PreferencePair[]> {
  const { file, unit, records, badRows } = await readRecords(source);
  const bad = [...badRows];
  const pairs = records.flatMap(({ line, values }) => {
    try {
      return [pairOf(values)];
    } catch (error) {
      bad.push({ line, reason: (error as Error).message });
      return [];
    }
  });
  if (bad.length > 0) throw DataError.ofRows(file, unit, bad, records.length + badRows.length);
  return pairs;
}

function pairOf(values: Readonly<Record<string, unknown>>): PreferencePair {
  const { prompt } = values;
  if (typeof prompt !== "string" && !Array.isArray(prompt)) {
    throw new TypeError("prompt is neither a text nor a list of messages");
  }
  const [chosen, rejected] = ["chosen", "rejected"].map((name) => answerOf(name, values[name]));
  if (chosen === rejected) throw new TypeError("chosen and rejected are the same");
  return { prompt, chosen, rejected };
}

function answerOf(name: string, value: unknown): string {
  const text = Array.isArray(value) ? value.at(-1)?.content : value;
  if (typeof text === "string" && text !== "") return text;
  throw new TypeError(`${name} is ${value === undefined ? "missing" : "no text"}`);
}

/** Says how much better the first of two answers is than the second: above 0 if it is; null where it cannot tell. */
export type Comparison = (
  prompt: PreferencePair["prompt"],
  first: string,
  second: string,
) => Promise<number | null>;

/**
 * Two answers as a pair, judged in both orders, since judges favour one place: they must agree, and by `margin` on average
 * (R1 keeps pairs whose scores differ by more than 1; 2501.12948v2, section B.4). Null where they do not.
 */
export async function judgedPair(
  compare: Comparison,
  prompt: PreferencePair["prompt"],
  [one, other]: readonly [string, string],
  margin = 0,
): Promise<PreferencePair | null> {
  const forward = await compare(prompt, one, other);
  const backward = await compare(prompt, other, one);
  if (forward === null || backward === null) return null;
  const difference = (forward - backward) / 2;
  if (Math.sign(forward) !== -Math.sign(backward) || Math.abs(difference) <= margin) return null;
  return difference > 0
    ? { prompt, chosen: one, rejected: other }
    : { prompt, chosen: other, rejected: one };
}
