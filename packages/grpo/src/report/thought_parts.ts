/** A completion cut into its thought and its answer. Shows nothing. */

/** Parts of a completion. */
export interface ThoughtParts {
  /** Between the tags; undefined where there are none. */
  readonly thought?: string;
  readonly answer: string;
  /** Whether the thought has an end. */
  readonly isThoughtEnded: boolean;
}

const OPEN = "<think>";
const CLOSE = "</think>";

/** The thought is what stands before the first end tag, or behind a start tag at the beginning that has no end. */
export function thoughtParts(completion: string): ThoughtParts {
  const end = completion.indexOf(CLOSE);
  const start = completion.trimStart().startsWith(OPEN)
    ? completion.indexOf(OPEN) + OPEN.length
    : 0;
  if (end >= start) {
    const answer = completion.slice(end + CLOSE.length).trim();
    return { thought: completion.slice(start, end).trim(), answer, isThoughtEnded: true };
  }
  if (start > 0) {
    return { thought: completion.slice(start).trim(), answer: "", isThoughtEnded: false };
  }
  return { answer: completion.trim(), isThoughtEnded: true };
}

/** Words of a text, roughly: runs without space. */
export function wordCount(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}
