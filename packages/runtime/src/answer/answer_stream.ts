/** Turns drawn tokens into events: whole characters, thoughts apart from content, an end before stop strings. Draws nothing. */
import type { TextEvent, TokenLogprob } from "../events.ts";
import { type Tokenizer, Utf8Stream } from "../tokenizer/mod.ts";
import { type AnswerPiece, ReasoningSplitter } from "./reasoning_splitter.ts";
import type { ReasoningTags } from "./reasoning_tags.ts";
import { StopMatcher } from "./stop_matcher.ts";

/** What an answer is read with. */
export interface AnswerForm {
  readonly tokenizer: Tokenizer;
  /** undefined: the model does not think. */
  readonly tags?: ReasoningTags;
  /** The prompt has opened a thought. */
  readonly inThought?: boolean;
  /** Content ends before the first of these. */
  readonly stop?: readonly string[];
  /** Content begins with the token after the end tag's: what else that one holds belongs to neither. */
  readonly beginsAfterTag?: boolean;
}

/** One answer as it comes. */
export class AnswerStream {
  readonly #form: AnswerForm;
  readonly #utf8 = new Utf8Stream();
  readonly #splitter: ReasoningSplitter;
  readonly #stop: StopMatcher;
  /** Whether tokens come with alternatives. */
  #hasAlternatives = false;

  constructor(form: AnswerForm) {
    this.#form = form;
    this.#splitter = new ReasoningSplitter(form.tags, form.inThought ?? false);
    this.#stop = new StopMatcher(form.stop ?? []);
  }

  get isThinking(): boolean {
    return this.#splitter.isThinking;
  }

  /** Whether a stop string has come: the answer is complete. */
  get stopped(): boolean {
    return this.#stop.stopped;
  }

  /** The events of a token, at least one; the first carries its id, log-probability and alternatives. */
  push(id: number, logprob: number, alternatives?: readonly TokenLogprob[]): TextEvent[] {
    this.#hasAlternatives = alternatives !== undefined;
    const before = this.#splitter.type;
    const split = this.#piecesOf(id);
    const endsThought = before === "reasoning" && !this.isThinking;
    const pieces = this.#texts(
      endsThought && this.#form.beginsAfterTag
        ? split.filter(({ type }) => type === before)
        : split,
    );
    const [first, ...rest] = pieces.length > 0 ? pieces : [{ type: before, text: "" }];
    const event: TextEvent = { ...first, ids: [id], logprobs: [logprob] };
    return [
      alternatives ? { ...event, alternatives: [alternatives] } : event,
      ...rest.map((piece) => this.#withoutIds(piece)),
    ];
  }

  /** Ends the answer: events of text that was held back. */
  end(): TextEvent[] {
    const pieces = this.#texts([...this.#splitter.push(this.#utf8.end()), ...this.#splitter.end()]);
    const rest = this.#stop.end();
    if (rest !== "") pieces.push({ type: "content", text: rest });
    return pieces.map((piece) => this.#withoutIds(piece));
  }

  #piecesOf(id: number): AnswerPiece[] {
    const { ids } = this.#form.tags ?? {};
    const which = id === ids?.open ? "open" : id === ids?.close ? "close" : undefined;
    if (!which) return this.#splitter.push(this.#utf8.push(this.#bytesOf(id)));
    const pieces = this.#splitter.push(this.#utf8.end());
    if (this.#splitter.tag(which, pieces)) return pieces;
    return [...pieces, ...this.#splitter.push(this.#form.tokenizer.tokenText(id))];
  }

  /** Embeddings are often padded to a round number of rows: those tokens stand for no text. */
  #bytesOf(id: number): Uint8Array {
    const { tokenizer } = this.#form;
    return id < tokenizer.vocabularySize ? tokenizer.bytesOf(id) : new Uint8Array();
  }

  /** Pieces with the content cut where it stops. */
  #texts(pieces: readonly AnswerPiece[]): AnswerPiece[] {
    return pieces
      .map(({ type, text }) => ({ type, text: type === "content" ? this.#stop.push(text) : text }))
      .filter(({ text }) => text !== "");
  }

  #withoutIds(piece: AnswerPiece): TextEvent {
    const event: TextEvent = { ...piece, ids: [], logprobs: [] };
    return this.#hasAlternatives ? { ...event, alternatives: [] } : event;
  }
}
