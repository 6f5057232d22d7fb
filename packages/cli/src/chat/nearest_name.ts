/** Finds the name that somebody probably meant. Knows no names itself. */

/** The name that takes the fewest changed letters, at most a third of its own; undefined where none is near. */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const word = typed.toLowerCase();
  let nearest: { name: string; changes: number } | undefined;
  for (const name of names) {
    const isBeginning = word !== "" && name.startsWith(word);
    const changes = isBeginning ? 0 : changedLetters(word, name);
    const isNear = changes <= Math.max(1, Math.floor(name.length / 3));
    if (isNear && (!nearest || changes < nearest.changes)) nearest = { name, changes };
  }
  return nearest?.name;
}

/** Insertions, deletions, replacements and swaps of neighbours from one word to the other. */
function changedLetters(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      rows[i][j] = Math.min(replaced, rows[i - 1][j] + 1, rows[i][j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.length][b.length];
}
