/** A pattern that finds any of many fixed texts. Gives them no meaning. */

/** Finds the leftmost of the texts and the longest that begins there; undefined when all are empty. Use with `matchAll`. */
export function textPattern(texts: Iterable<string>): RegExp | undefined {
  const escaped = [...texts].filter((text) => text !== "").sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return escaped.length > 0 ? new RegExp(escaped.join("|"), "gu") : undefined;
}
