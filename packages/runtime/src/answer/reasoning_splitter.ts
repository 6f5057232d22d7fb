/** Tells thoughts from the answer in text that comes in pieces, wherever a tag is cut. Knows no tokens. */
import type { ReasoningTags } from "./reasoning_tags.ts";

/** A piece of a thought or of the answer. */
export interface AnswerPiece {
  readonly type: "reasoning" | "content";
  readonly text: string;
}

/** `start`: nothing but space so far; `lead`: after a tag, before the first sign. */
type State = "start" | "thought-lead" | "thought" | "content-lead" | "content";

/**
 * Splits an answer into one thought at its beginning and the content after it. The tags and the line breaks and spaces
 * around them belong to neither. All pieces together do not depend on where the text was cut.
 *
 * The tags are found in the text (`push`) or, where they are tokens of their own, told (`tag`).
 */
export class ReasoningSplitter {
  #state: State;
  /** Text whose meaning is not known yet. */
  #held = "";
  readonly #open: string | undefined;
  readonly #close: string | undefined;

  /**
   * @param tags undefined: all is content
   * @param inThought the prompt has opened the thought already
   */
  constructor(tags: ReasoningTags | undefined, inThought: boolean) {
    this.#state = !tags ? "content" : inThought ? "thought-lead" : "start";
    this.#open = tags?.ids ? undefined : tags?.open;
    this.#close = tags?.ids ? undefined : tags?.close;
  }

  get isThinking(): boolean {
    return this.#state === "thought" || this.#state === "thought-lead";
  }

  /** What the next text belongs to, as far as is known. */
  get type(): AnswerPiece["type"] {
    return this.isThinking ? "reasoning" : "content";
  }

  /** Takes more text and gives what is certain now. */
  push(text: string): AnswerPiece[] {
    this.#held += text;
    const pieces: AnswerPiece[] = [];
    while (this.#step(pieces));
    return pieces;
  }

  /** Takes a tag that is a token; gives false where a tag has no meaning and is text as any other. */
  tag(which: "open" | "close", pieces: AnswerPiece[]): boolean {
    if (which === "open" ? this.#state !== "start" : !this.isThinking) return false;
    if (which === "close") this.#emit(pieces, this.#held.trimEnd());
    this.#held = "";
    this.#state = which === "open" ? "thought-lead" : "content-lead";
    return true;
  }

  /** Ends the answer: gives what was held back. */
  end(): AnswerPiece[] {
    const pieces: AnswerPiece[] = [];
    const text = this.isThinking ? this.#held.trimEnd() : this.#held;
    if (this.#state !== "content-lead") this.#emit(pieces, text);
    this.#held = "";
    return pieces;
  }

  /** One step of the automaton; true if there may be another. */
  #step(pieces: AnswerPiece[]): boolean {
    switch (this.#state) {
      case "start":
        return this.#start();
      case "thought-lead":
      case "content-lead":
        this.#held = this.#held.trimStart();
        if (this.#held === "") return false;
        this.#state = this.isThinking ? "thought" : "content";
        return true;
      case "thought":
        return this.#thought(pieces);
      case "content":
        this.#emit(pieces, this.#held);
        this.#held = "";
        return false;
    }
  }

  #start(): boolean {
    const text = this.#held.trimStart();
    if (this.#open && text.startsWith(this.#open)) {
      this.#held = text.slice(this.#open.length);
      this.#state = "thought-lead";
      return true;
    }
    if (text === "" || this.#open?.startsWith(text)) return false;
    this.#state = "content";
    return true;
  }

  #thought(pieces: AnswerPiece[]): boolean {
    const at = this.#close ? this.#held.indexOf(this.#close) : -1;
    if (this.#close && at >= 0) {
      this.#emit(pieces, this.#held.slice(0, at).trimEnd());
      this.#held = this.#held.slice(at + this.#close.length);
      this.#state = "content-lead";
      return true;
    }
    // spaces before the tag are no part of the thought, so they wait as a beginning of the tag does
    const certain = this.#held.slice(0, this.#held.length - unfinished(this.#held, this.#close));
    const end = certain.trimEnd().length;
    this.#emit(pieces, this.#held.slice(0, end));
    this.#held = this.#held.slice(end);
    return false;
  }

  #emit(pieces: AnswerPiece[], text: string): void {
    if (text !== "") pieces.push({ type: this.type, text });
  }
}

/** Length of the longest ending of `text` with which `tag` could begin. */
export function unfinished(text: string, tag = ""): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}
