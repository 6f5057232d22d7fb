/** Remembers the token ids of words. Knows neither words nor tokens. */

/** The cache is emptied at this many words; text has about 20,000 different ones a megabyte. */
const CACHED_WORDS = 32_768;
/** Longer words are seldom seen twice. */
const CACHED_WORD_LENGTH = 64;

/** Looks words up before they are encoded. */
export class WordCache {
  readonly #words = new Map<string, readonly number[]>();

  constructor(private readonly encodeWord: (word: string) => readonly number[]) {}

  /** Appends the ids of a word. */
  append(word: string, ids: number[]): void {
    let wordIds = this.#words.get(word);
    if (wordIds === undefined) {
      wordIds = this.encodeWord(word);
      if (word.length <= CACHED_WORD_LENGTH) {
        if (this.#words.size >= CACHED_WORDS) this.#words.clear();
        this.#words.set(word, wordIds);
      }
    }
    for (let i = 0; i < wordIds.length; i++) ids.push(wordIds[i]);
  }
}
