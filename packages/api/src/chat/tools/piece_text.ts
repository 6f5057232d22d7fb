/** Reads text that comes in pieces: readers wait by `yield` wherever the text ends so far. Knows no form of tool calls. */

/** Text up to where it has come, and where reading stands. */
export interface PieceText {
  text: string;
  at: number;
  /** No more will come. */
  isEnded: boolean;
}

/** A reader: resumed by `next()` when there is more text, or the end. */
export type Reader<T> = Generator<void, T, void>;

const SPACE = /\s/;

/** The next character, "" at the end. */
export function* peek(source: PieceText): Reader<string> {
  while (source.at >= source.text.length && !source.isEnded) yield;
  return source.text.charAt(source.at);
}

/** Moves on to what is no space. */
export function* skipSpace(source: PieceText): Reader<void> {
  while (SPACE.test(yield* peek(source))) source.at++;
}

/** Takes characters as long as they match one by one. */
export function* takeWhile(source: PieceText, character: RegExp): Reader<string> {
  const start = source.at;
  while (character.test(yield* peek(source))) source.at++;
  return source.text.slice(start, source.at);
}

/** Takes `text` if it stands here; else stays. */
export function* take(source: PieceText, text: string): Reader<boolean> {
  const start = source.at;
  for (; source.at < start + text.length; source.at++) {
    if ((yield* peek(source)) === text[source.at - start]) continue;
    source.at = start;
    return false;
  }
  return true;
}

/** Takes a string of JSON and gives its value; undefined where none stands here. */
export function* takeString(source: PieceText): Reader<string | undefined> {
  if ((yield* peek(source)) !== '"') return undefined;
  const value = parsed(yield* takeBalanced(source));
  return typeof value === "string" ? value : undefined;
}

/** Takes an object of JSON and gives its text; undefined where none stands here. */
export function* takeObject(source: PieceText): Reader<string | undefined> {
  if ((yield* peek(source)) !== "{") return undefined;
  const text = yield* takeBalanced(source);
  return parsed(text) === undefined ? undefined : text;
}

/** Takes a string, or brackets up to those that close them; strings within are seen. */
function* takeBalanced(source: PieceText): Reader<string> {
  const start = source.at;
  let depth = 0;
  let inString = false;
  do {
    const character = yield* peek(source);
    if (character === "") break;
    source.at++;
    if (inString && character === "\\") {
      yield* peek(source);
      source.at++;
    } else if (character === '"') inString = !inString;
    else if (!inString && (character === "{" || character === "[")) depth++;
    else if (!inString && (character === "}" || character === "]")) depth--;
  } while (depth > 0 || inString);
  return source.text.slice(start, source.at);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
