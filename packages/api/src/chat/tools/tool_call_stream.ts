/** Tells calls of functions from the other text of an answer, wherever pieces are cut. Knows no model and no template. */
import type { ServedText } from "../../engine/served_model.ts";
import { type PieceText, type Reader, skipSpace, take } from "./piece_text.ts";
import type { ToolDialect, WrittenCall } from "./tool_dialect.ts";

/** What an answer is made of: text, with the tokens that begin in it, and calls. */
export type AnswerPart =
  | { readonly type: "content"; readonly text: string; readonly tokens: ServedText["tokens"] }
  | { readonly type: "call"; readonly call: WrittenCall };

type Token = ServedText["tokens"][number];

/**
 * One answer as it comes. A call is told as soon as its arguments are whole; what began as a call and is none is text.
 * Space before and after calls and the tokens of calls are dropped. All parts together do not depend on where the text
 * was cut.
 */
export class ToolCallStream {
  readonly #source: PieceText = { text: "", at: 0, isEnded: false };
  /** Tokens that were not told, and where the text of each begins. */
  #tokens: { readonly at: number; readonly token: Token }[] = [];
  readonly #reader: Reader<void>;
  /** Up to here all is told or dropped. */
  #told = 0;
  /** Whether nothing but space has come since the start, or since a call. */
  #isAtStart = true;
  #hasCalls = false;
  #parts: AnswerPart[] = [];

  /** @param accept whether a call that was read is one; else it stays text */
  constructor(
    private readonly dialect: ToolDialect,
    private readonly accept: (call: WrittenCall) => boolean,
  ) {
    this.#reader = this.#read();
  }

  /** Takes more text with its tokens, and gives what is certain now. */
  push(text: string, tokens: readonly Token[]): AnswerPart[] {
    const start = this.#source.text.length;
    for (const token of tokens) this.#tokens.push({ at: start + (token.at ?? 0), token });
    this.#source.text += text;
    return this.#resume();
  }

  /** Ends the answer: gives what was held back. */
  end(): AnswerPart[] {
    this.#source.isEnded = true;
    return this.#resume();
  }

  #resume(): AnswerPart[] {
    this.#reader.next();
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  *#read(): Reader<void> {
    const source = this.#source;
    for (;;) {
      const opening = yield* this.#toOpening();
      if (opening === undefined) return;
      const start = source.at;
      const call = yield* this.dialect.read(source);
      if (call && this.accept(call)) {
        this.#parts.push({ type: "call", call });
        this.#told = source.at;
        this.#isAtStart = this.#hasCalls = true;
        yield* this.#dropTail();
      } else {
        source.at = start + opening.length;
        this.#tell(source.at);
      }
    }
  }

  /** Tells text up to where a call may begin, and stands there; undefined: there is none before the end. */
  *#toOpening(): Reader<string | undefined> {
    const source = this.#source;
    for (;;) {
      const { opening, at } = this.#findOpening();
      source.at = at;
      this.#tell(source.text.slice(0, at).trimEnd().length);
      if (opening !== undefined) return opening;
      if (source.isEnded) break;
      this.#forgetTold();
      yield;
    }
    const isSpaceAfterCall = this.#isAtStart && this.#hasCalls;
    if (!isSpaceAfterCall) this.#tell(source.text.length, true);
    return undefined;
  }

  #forgetTold(): void {
    const told = this.#told;
    this.#source.text = this.#source.text.slice(told);
    this.#source.at -= told;
    this.#tokens = this.#tokens.map(({ at, token }) => ({ at: at - told, token }));
    this.#told = 0;
  }

  /** The next opening and where it stands; without one, where it may begin yet. */
  #findOpening(): { readonly opening?: string; readonly at: number } {
    const { text, at, isEnded } = this.#source;
    const { openings, onlyAtStart } = this.dialect;
    if (!onlyAtStart) {
      const found = openings
        .map((opening) => ({ opening, at: text.indexOf(opening, at) }))
        .filter((place) => place.at >= 0)
        .sort((a, b) => a.at - b.at);
      const held = isEnded ? 0 : Math.max(...openings.map((opening) => unfinished(text, opening)));
      return found[0] ?? { at: Math.max(at, text.length - held) };
    }
    if (!this.#isAtStart) return { at: text.length };
    const rest = text.slice(at).trimStart();
    const start = text.length - rest.length;
    const opening = openings.find((opening) => rest.startsWith(opening));
    if (opening !== undefined) return { opening, at: start };
    const mayBegin = !isEnded && openings.some((opening) => opening.startsWith(rest));
    return { at: mayBegin ? at : text.length };
  }

  *#dropTail(): Reader<void> {
    const source = this.#source;
    for (const text of this.dialect.tail) {
      yield* skipSpace(source);
      if (yield* take(source, text)) this.#told = source.at;
    }
    source.at = this.#told;
  }

  /** Tells the text up to `end` with the tokens that begin in it; with `all` those at the end too. */
  #tell(end: number, all = false): void {
    const text = this.#source.text.slice(this.#told, end);
    if (text === "" && !all) return;
    const tokens: Token[] = [];
    while (this.#tokens.length > 0 && (all || this.#tokens[0].at < end)) {
      const { at, token } = this.#tokens.shift() as { at: number; token: Token };
      if (at >= this.#told) tokens.push(placed(token, at - this.#told));
    }
    this.#told = Math.max(this.#told, end);
    this.#isAtStart = false;
    if (text !== "" || tokens.length > 0) this.#parts.push({ type: "content", text, tokens });
  }
}

/** A token where it begins in the piece that is told. */
function placed({ at: _, ...token }: Token, at: number): Token {
  return at === 0 ? token : { ...token, at };
}

/** Length of the longest ending of `text` with which `opening` could begin. */
function unfinished(text: string, opening: string): number {
  for (let length = Math.min(opening.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(opening.slice(0, length))) return length;
  }
  return 0;
}
