/** Unicode's normal form C in time linear in the text, whatever it holds. Splits and encodes nothing. */

/** Engines order marks by insertion: a run of n takes them n^2 steps, so longer runs than this are ordered here. */
const LONG_RUN = /\p{M}{64,}/gu;
/** A mark of the lowest combining class that is reordered (1), and one of the highest (240). */
const [LOWEST, HIGHEST] = ["\u0334", "\u0345"];

/** `text.normalize("NFC")` (Unicode Standard Annex 15). A megabyte of marks on one letter would take the engine minutes. */
export function composedText(text: string): string {
  return text.replace(LONG_RUN, orderedMarks).normalize("NFC");
}

/** The marks decomposed and in canonical order (Unicode 17.0, section 3.11, D109): equivalent to the run. */
function orderedMarks(run: string): string {
  const partsOf = new Map<string, readonly string[]>();
  for (const mark of new Set(run)) partsOf.set(mark, [...mark.normalize("NFD")]);
  const ranks = classRanks(new Set([...partsOf.values()].flat()));
  const ordered: string[] = [];
  let pending: string[] = [];
  const flush = (): void => {
    pending.sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
    for (const mark of pending) ordered.push(mark);
    pending = [];
  };
  for (const mark of run) {
    for (const part of partsOf.get(mark) ?? []) {
      if (ranks.has(part)) pending.push(part);
      else { // class 0: nothing moves across it
        flush();
        ordered.push(part);
      }
    }
  }
  flush();
  return ordered.join("");
}

/** The place of each mark's combining class among those present; marks of class 0 are left out. */
function classRanks(marks: ReadonlySet<string>): Map<string, number> {
  const moving = [...marks].filter((mark) => isSwapped(mark, LOWEST) || isSwapped(HIGHEST, mark));
  moving.sort((a, b) => Number(isSwapped(a, b)) - Number(isSwapped(b, a)));
  const ranks = new Map<string, number>();
  let rank = 0;
  moving.forEach((mark, i) => {
    if (i > 0 && isSwapped(mark, moving[i - 1])) rank++;
    ranks.set(mark, rank);
  });
  return ranks;
}

/** Whether canonical order puts `b` before `a`: its class is lower, and neither is 0. */
function isSwapped(a: string, b: string): boolean {
  return a !== b && (a + b).normalize("NFD").startsWith(b);
}
