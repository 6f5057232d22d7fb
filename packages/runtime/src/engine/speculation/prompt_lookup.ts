/** Finds where the newest tokens of a text have stood before, and what followed them there. Judges no guess. */

/** The tokens that must match; single words repeat too often to tell what follows. */
const NGRAM = 2;
/** Earlier places that are compared, newest first: the one with the longest match wins. */
const MOST_PLACES = 16;
/** Longer matches are equally good. */
const LONGEST_MATCH = 32;
/** Keys of pairs are `first * ID_RANGE + second`: exact, since ids are below it. */
const ID_RANGE = 2 ** 26;

/**
 * Prompt lookup (Saxena 2023, "Prompt Lookup Decoding"): texts that quote their prompt or themselves go on as they did
 * there. The index takes each token once, a lookup compares at most `MOST_PLACES` places.
 */
export class PromptLookup {
  /** For each pair of tokens the newest place after it. */
  readonly #newest = new Map<number, number>();
  /** For each place the one before it with the same pair; -1: none. */
  readonly #older: number[] = [];

  /** At most `most` tokens that have followed the end of `history`, which has only been appended to since the last call. */
  following(history: readonly number[], most: number): number[] {
    this.#take(history);
    const place = this.#bestPlace(history);
    if (place === undefined) return [];
    const found: number[] = [];
    // A place near the end runs into the found tokens themselves: a short cycle goes on.
    for (let at = place; found.length < most; at++) {
      found.push(at < history.length ? history[at] : found[at - history.length]);
    }
    return found;
  }

  /** Takes the places before the end; the end itself has nothing that follows. */
  #take(history: readonly number[]): void {
    for (let place = this.#older.length; place < history.length; place++) {
      const pair = pairBefore(history, place);
      this.#older.push(this.#newest.get(pair) ?? -1);
      if (place >= NGRAM) this.#newest.set(pair, place);
    }
  }

  #bestPlace(history: readonly number[]): number | undefined {
    if (history.length < NGRAM) return undefined;
    let best: number | undefined;
    let longest = 0;
    let place = this.#newest.get(pairBefore(history, history.length)) ?? -1;
    for (let looked = 0; place >= 0 && looked < MOST_PLACES; looked++) {
      const length = matchLength(history, place);
      if (length > longest) [best, longest] = [place, length];
      place = this.#older[place];
    }
    return best;
  }
}

function pairBefore(history: readonly number[], place: number): number {
  return history[place - 2] * ID_RANGE + history[place - 1];
}

/** How many tokens before `place` are those at the end of `history`. */
function matchLength(history: readonly number[], place: number): number {
  let length = 0;
  while (
    length < Math.min(place, LONGEST_MATCH) &&
    history[place - 1 - length] === history[history.length - 1 - length]
  ) length++;
  return length;
}
