/** Continuous batching: whatever sequences ask for goes into one step after the other. Draws and computes nothing itself. */
import { ContextFullError, MemoryError, type ModelError, ThreadError } from "../errors.ts";
import type { Occupancy } from "../events.ts";
import { type KvCache, PAGE_TOKENS, pageBytes } from "../kv_cache.ts";
import { type Draw, NONE_LEFT, NOT_FINITE } from "../ops.ts";
import type { Decoder, DrawnToken, Feed } from "./decoder.ts";
import { MIN_SHARED_TOKENS, PrefixCache, sharedLength } from "./prefix_cache.ts";
import { RunningSequence, type Wish, type WishOptions } from "./running_sequence.ts";
import { gateNotFinite, notFinite } from "./reading/score.ts";
import { type Drafts, drawnAhead } from "./speculation/drafts.ts";
import { guessTokens } from "./speculation/guess_tokens.ts";
import { draftShare, type Plan, StepPlanner } from "./step_planner.ts";
import type { StepSize } from "./step_size.ts";
import { nextTurn, yieldToHost } from "../yield_to_host.ts";

/** A part of a step, and what came of it. */
interface StepFeed extends Plan, Feed {
  readonly ids: readonly number[];
  readonly draws: readonly Draw[];
  readonly wish: Wish | undefined;
  isFinite: boolean;
  /** Why it is not finite, where a gate was to blame. */
  unrouted?: ModelError;
  drawn: readonly DrawnToken[];
  /** Of the tokens that something is drawn after `[draws, C]`; where the model guesses further tokens. */
  states?: Float32Array;
  /** Of all its tokens `[tokens, C]`, where the reader wants them. */
  allStates?: Float32Array;
}

/** How a sequence is to be. */
export interface SequenceOptions {
  /** Whether it may begin with another's tokens, and others with its own. Default true. */
  readonly sharesPrefixes?: boolean;
  /** What it runs on: the scheduler's own decoder, which is the default, or one of the same model with adapters. */
  readonly decoder?: Decoder;
}

/**
 * Runs many sequences over one cache, a step for all that wait (Orca, OSDI 2022). A sequence steps only while its
 * reader waits in `advance`, so a slow reader slows nobody else and no answer runs ahead of it but for checked drafts.
 */
export class Scheduler {
  /** Oldest first. */
  readonly #running = new Set<RunningSequence>();
  readonly #kept: PrefixCache;
  readonly #planner: StepPlanner;
  #isStepping = false;
  #ended: unknown;

  constructor(
    readonly decoder: Decoder,
    readonly cache: KvCache,
    private readonly stepSize: StepSize,
  ) {
    this.#kept = new PrefixCache(cache);
    this.#planner = new StepPlanner(cache, this.#kept, this.#running);
  }

  /** A new empty sequence; close it in any case. */
  open({ sharesPrefixes = true, decoder = this.decoder }: SequenceOptions = {}): RunningSequence {
    const running = new RunningSequence(decoder, sharesPrefixes);
    this.#running.add(running);
    return running;
  }

  /**
   * Appends ids and draws the next token, or gives the one that was drawn with checked drafts; then `draw` must be what
   * the drafter has given for this place.
   * @throws {ContextFullError} when they do not fit the context
   * @throws {RangeError} when there are none, or one is outside the vocabulary; in these cases nothing is appended
   * @throws {ModelError} when the model computes a number that is not finite
   */
  async advance(
    running: RunningSequence,
    ids: readonly number[],
    draw: Draw,
    options: WishOptions = {},
  ): Promise<DrawnToken> {
    this.#expectOpen(options);
    const known = running.takeAhead(ids, draw);
    if (known) return known;
    const [token] = await this.#ask(running, ids, draw, options);
    return token;
  }

  /** Appends ids and draws nothing, for what is read off their states; throws what `advance` throws. */
  async feed(
    running: RunningSequence,
    ids: readonly number[],
    options: WishOptions = {},
  ): Promise<void> {
    this.#expectOpen(options);
    await this.#ask(running, ids, undefined, options);
  }

  async #ask(
    running: RunningSequence,
    ids: readonly number[],
    draw: Draw | undefined,
    options: WishOptions,
  ): Promise<readonly DrawnToken[]> {
    this.#forgetAhead(running);
    const { contextTokens } = this.decoder;
    const total = running.ids.length + ids.length;
    if (total > contextTokens) throw new ContextFullError(total, contextTokens);
    if (total === running.stored) {
      throw new RangeError("Cannot generate from an empty prompt: give at least one token");
    }
    this.decoder.checkIds(ids);
    for (const id of ids) running.ids.push(id);
    const { promise, resolve, reject } = Promise.withResolvers<readonly DrawnToken[]>();
    running.wish = { draw, options, resolve, reject };
    this.#run();
    return await promise;
  }

  /** Replaces all tokens of a sequence; what it keeps of its beginning is not fed again. */
  rewrite(running: RunningSequence, ids: readonly number[]): void {
    this.#forgetAhead(running);
    const { lookahead = 0 } = this.cache.shape;
    const shared = Math.min(sharedLength(running.ids, ids) - lookahead, running.stored);
    const whole = Math.max(0, Math.floor(shared / PAGE_TOKENS)) * PAGE_TOKENS; // so that no page has to be copied
    if (running.sequence) this.cache.truncate(running.sequence, whole);
    running.ids.length = 0;
    for (const id of ids) running.ids.push(id);
  }

  /** Ends a sequence; its pages are kept for prompts that begin alike, until they are needed. */
  close(running: RunningSequence): void {
    if (!this.#running.delete(running)) return;
    running.wish = undefined;
    this.#forgetAhead(running);
    const { sequence } = running;
    if (!sequence) return;
    const isWorth = running.sharesPrefixes && sequence.length >= MIN_SHARED_TOKENS;
    if (isWorth) this.#kept.keep(sequence, running.ids.slice(0, sequence.length), running.decoder);
    else this.cache.free(sequence);
  }

  /** Keeps pages that hold `ids` for prompts that begin alike; gives how many tokens of `ids` are held now. */
  adopt(
    ids: readonly number[],
    pages: readonly Uint8Array[],
    decoder: Decoder = this.decoder,
  ): number {
    this.decoder.checkIds(ids);
    return this.#kept.adopt(ids, pages, decoder);
  }

  /** Pages of ended sequences that are kept for prompts to come. */
  get keptPages(): number {
    return this.#kept.pages;
  }

  /** How much is in use. */
  occupancy(): Occupancy {
    const { usedPages, maxPages } = this.cache;
    const running = this.#running.size;
    const waiting = [...this.#running].filter(({ sequence }) => !sequence).length;
    return { running, waiting, usedPages, keptPages: this.keptPages, maxPages };
  }

  /** Gives up all that is kept of ended sequences. */
  forget(): void {
    while (this.#kept.evict());
  }

  /** Ends everything: who waits or asks from now on gets the reason thrown. */
  end(reason: unknown): void {
    this.#ended ??= reason;
    for (const running of this.#running) reject(running, reason);
  }

  #expectOpen({ signal }: WishOptions): void {
    if (this.#ended !== undefined) throw this.#ended;
    signal?.throwIfAborted();
  }

  /** Steps while anybody waits. */
  async #run(): Promise<void> {
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      while (this.#waiting().length > 0) {
        // Readers that have just got a token ask for the next one within a turn: the step is better for having them.
        if (this.#waiting().length < this.#running.size) await nextTurn();
        else await yieldToHost();
        const waiting = this.#waiting();
        const plans = this.#planner.plan(waiting, this.stepSize.rows);
        if (plans.length > 0) await this.#step(plans);
        else if (waiting.length > 0) reject(waiting[0], this.#cacheTooSmall());
      }
    } catch (error) {
      for (const running of this.#running) reject(running, error);
    } finally {
      this.#isStepping = false;
    }
  }

  /** Drops what was drawn ahead. No page is copied: others share only pages full of `ids`. */
  #forgetAhead(running: RunningSequence): void {
    running.ahead = [];
    if (running.sequence) this.cache.truncate(running.sequence, running.ids.length);
  }

  /** Sequences whose reader waits; those that were aborted leave. */
  #waiting(): RunningSequence[] {
    for (const running of this.#running) {
      const signal = running.wish?.options.signal;
      if (signal?.aborted) reject(running, signal.reason);
    }
    return [...this.#running].filter(({ wish }) => wish !== undefined);
  }

  #feedOf({ running, count, drafts }: Plan): StepFeed {
    running.hasStepped = true;
    running.sequence ??= this.cache.create();
    const { sequence, wish } = running;
    const end = running.stored + count;
    const isWhole = count === running.missing;
    const ids = [...running.ids.slice(running.stored, end), ...drafts?.ids ?? []];
    const draws = [...wish?.draw && isWhole ? [wish.draw] : [], ...drafts?.draws ?? []];
    const next = isWhole ? undefined : running.ids[end];
    const feed: StepFeed = {
      ...{ running, sequence, ids, draws, next, wish, count, drafts, isFinite: true, drawn: [] },
      onFed: (isFinite) => void (feed.isFinite = isFinite),
      onUnrouted: (...gate) => void (feed.unrouted = gateNotFinite(...gate)),
      onAllStates: wish?.options.onStates && ((states) => void (feed.allStates = states)),
    };
    if (!this.decoder.model.multiToken) return feed;
    return Object.assign(feed, {
      onStates: (states: Float32Array) => void (feed.states = states),
    });
  }

  /** Keeps what a step has drawn for a sequence but for the reader's token; false where its numbers are not finite. */
  #takeDrawn(feed: StepFeed): boolean {
    const { running, wish, drafts, isFinite, drawn } = feed;
    if (!isFinite || drawn.some(({ id }) => id === NOT_FINITE)) {
      this.#takeNotFinite(feed);
      return false;
    }
    tellFed(feed);
    if (drafts) this.#takeDrafts(running, wish, drafts, drawn);
    return true;
  }

  /** Runs the layer for multi-token prediction after the newest tokens; what it guesses is checked in the next step. */
  async #guess({ model, ops }: Decoder, feeds: readonly StepFeed[]): Promise<void> {
    const share = draftShare(this.stepSize.rows, feeds.length);
    const wanted = feeds.flatMap(({ running, sequence, wish, states, draws, drawn }) => {
      const ahead = running.ahead.length;
      const token = drawn[ahead];
      if (!states || !token || token.id < 0 || !this.#running.has(running)) return [];
      const width = states.length / draws.length;
      const { drafter, mostDrafts = 0 } = wish?.options ?? {};
      const known = running.ahead.map(({ after }) => after);
      const guessing = running.takesDrafts ? drafter?.guessing : undefined;
      const most = Math.min(share, mostDrafts - ahead - 1);
      return {
        ...{ sequence, guessing, known: [...known, token.id], id: token.id },
        state: states.subarray(ahead * width, (ahead + 1) * width),
        most: most > 0 ? guessing?.wanted(most, feeds.length - 1) ?? 0 : 0,
        drawAfter: (ids: readonly number[]) => guessing!.drawAfter([...known, ...ids]),
        isOpen: () => this.#running.has(running) && running.sequence === sequence,
      };
    });
    const guesses = await guessTokens(model, ops, this.cache, wanted);
    wanted.forEach(({ guessing, known }, i) => guessing?.take(known, guesses[i]));
  }

  async #step(plans: readonly Plan[]): Promise<void> {
    const start = performance.now();
    const feeds = plans.map((plan) => this.#feedOf(plan));
    const [{ running: { decoder } }] = plans; // of all
    try {
      const drawn = await decoder.step(this.cache, feeds);
      let next = 0;
      for (const feed of feeds) feed.drawn = drawn.slice(next, next += feed.draws.length);
      const fine = feeds.filter((feed) => this.#takeDrawn(feed));
      await this.#guess(decoder, fine);
      for (const { running, wish, drawn } of fine) {
        const isDone = drawn.length > 0 || (!wish?.draw && running.missing === 0);
        if (isDone) settle(running, wish, drawn);
      }
    } catch (error) {
      // The sequences may have grown by keys that were never written.
      for (const { running } of plans) {
        this.#giveUp(running);
        reject(running, error);
      }
      if (error instanceof ThreadError) this.end(error);
    }
    const rows = feeds.reduce((sum, { ids }) => sum + ids.length, 0);
    this.stepSize.took(rows, performance.now() - start);
  }

  /**
   * No other may begin with pages that hold what is not finite: it may stand in tokens before the one that brought it,
   * since attention takes several at once and 0 times infinity is none. For that reason too a wrong guess may have
   * spoilt what is right: without drafts the sequence tells.
   */
  #takeNotFinite({ running, wish, drafts, unrouted }: StepFeed): void {
    const position = running.stored;
    this.#giveUp(running);
    running.takesDrafts = false;
    if (!drafts && wish && running.wish === wish) reject(running, unrouted ?? notFinite(position));
  }

  /** Gives a sequence's pages back, even if it was closed and kept meanwhile. */
  #giveUp(running: RunningSequence): void {
    if (running.sequence) this.#kept.drop(running.sequence);
    this.#planner.takeAway(running);
  }

  /** Keeps what was drawn after drafts that were right, and leaves no trace of the others. */
  #takeDrafts(
    running: RunningSequence,
    wish: Wish | undefined,
    drafts: Drafts,
    drawn: readonly DrawnToken[],
  ): void {
    const ahead = drawnAhead(drafts.ids, drawn);
    wish?.options.drafter?.checked(drafts.ids.length, ahead.length);
    if (!this.#running.has(running)) return; // closed meanwhile, and cut by that
    running.ahead = ahead;
    if (running.sequence) this.cache.truncate(running.sequence, running.ids.length + ahead.length);
  }

  #cacheTooSmall(): MemoryError {
    const bytes = pageBytes(this.cache.shape);
    return new MemoryError(
      `The key/value cache has only ${this.cache.maxPages} pages of ${PAGE_TOKENS} tokens: load the model with a smaller context`,
      (this.cache.maxPages + 1) * bytes,
      this.cache.maxPages * bytes,
    );
  }
}

/** An error of the reader's callback is the reader's own. */
function tellFed({ running, wish, ids, count, allStates }: StepFeed): void {
  try {
    if (allStates) wish?.options.onStates?.(allStates, running.stored - ids.length);
    if (count > 1) wish?.options.onFed?.(running.stored, running.ids.length);
  } catch (error) {
    reject(running, error);
  }
}

/** Gives the token, if one was to be drawn, to the reader, if that is still the one who asked. */
function settle(
  running: RunningSequence,
  wish: Wish | undefined,
  drawn: readonly DrawnToken[],
): void {
  if (!wish || running.wish !== wish) return;
  if (wish.draw && drawn[0].id === NONE_LEFT) {
    return reject(running, noneLeft(running.ids.length, wish.draw));
  }
  running.wish = undefined;
  wish.resolve(drawn);
}

function reject(running: RunningSequence, reason: unknown): void {
  const { wish } = running;
  running.wish = undefined;
  wish?.reject(reason);
}

function noneLeft(position: number, { allowed }: Draw): RangeError {
  const by = allowed ? "by the constraint, logit bias" : "by logit bias";
  return new RangeError(
    `No token can be drawn for position ${position}: all are excluded, ${by} or as end tokens`,
  );
}
