/** Spellings of names: TypeScript's, TRL's, and the one that somebody probably meant. Knows no name itself. */
import { distance } from "fastest-levenshtein";

/** `lossType` as `loss_type`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The name that takes the fewest changed letters, at most a third of its own, rounded up; undefined where none is near. */
export function nearestName(typed: string, names: Iterable<string>): string | undefined {
  let nearest: { readonly name: string; readonly changes: number } | undefined;
  for (const name of names) {
    const changes = distance(typed.toLowerCase(), name.toLowerCase());
    const isNear = changes <= Math.ceil(name.length / 3);
    if (isNear && (!nearest || changes < nearest.changes)) nearest = { name, changes };
  }
  return nearest?.name;
}
