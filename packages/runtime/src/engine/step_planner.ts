/** Chooses what the next step feeds, and makes room for it in the cache. Runs no step. */
import { type KvCache, PAGE_TOKENS } from "../kv_cache.ts";
import { CHUNK_ROWS, type Decoder } from "./decoder.ts";
import { MIN_SHARED_TOKENS, type PrefixCache, shareable } from "./prefix_cache.ts";
import type { RunningSequence } from "./running_sequence.ts";
import type { Drafts } from "./speculation/drafts.ts";

/** Of the rows of a step, prompts get at least so many, however many others decode. */
const LEAST_PROMPT_ROWS = 32;
const MOST_DECODE_ROWS = CHUNK_ROWS - LEAST_PROMPT_ROWS;
/** Rows up to which drafts are checked, shared out among those that decode: more take three times as long as one. */
const MOST_CHECKED_ROWS = 8;

/** Drafts that a sequence may check in a step of `rows` rows where `sequences` decode. */
export function draftShare(rows: number, sequences: number): number {
  return Math.floor(Math.min(rows, MOST_CHECKED_ROWS) / sequences) - 1;
}

/** A part of a step: the next `count` tokens of a sequence. */
export interface Plan {
  readonly running: RunningSequence;
  readonly count: number;
  /** Guesses that are fed after them and checked. */
  readonly drafts?: Drafts;
}

/**
 * A step takes one token of each sequence that decodes (of too many, those that have waited longest) and fills up with
 * parts of prompts, oldest first. It is of one decoder: those of the sequences that wait, which differ by their adapters,
 * take turns, so that each sequence gets a token a round. When pages run out, kept sequences go first, then those that nobody waits for, then the youngest; they are fed again later, which
 * gives the same bits (recomputation as in vLLM, 2309.06180, section 4.5).
 */
export class StepPlanner {
  #turns = 0;
  /** The turn in which a decoder had its last step. */
  readonly #lastTurns = new WeakMap<Decoder, number>();
  /** Prompts that hold no more than another's beginning: they have still to start. */
  readonly #starting = new WeakSet<RunningSequence>();

  /** @param running all sequences, oldest first */
  constructor(
    private readonly cache: KvCache,
    private readonly kept: PrefixCache,
    private readonly running: ReadonlySet<RunningSequence>,
  ) {}

  /**
   * The parts of the next step, all of one decoder, among `waiting` (oldest first), with at most `rows` tokens of prompts.
   * None where not even the oldest finds room.
   */
  plan(waiting: readonly RunningSequence[], rows: number): Plan[] {
    const lastTurn = (decoder: Decoder) => this.#lastTurns.get(decoder) ?? 0;
    const decoders = [...new Set(waiting.map(({ decoder }) => decoder))];
    for (const decoder of decoders.sort((one, other) => lastTurn(one) - lastTurn(other))) {
      const plans = this.#planOf(decoder, waiting, rows);
      if (plans.length === 0) continue;
      this.#lastTurns.set(decoder, ++this.#turns);
      return plans;
    }
    return [];
  }

  #planOf(decoder: Decoder, waiting: readonly RunningSequence[], rows: number): Plan[] {
    const isStarting = (one: RunningSequence) => one.stored === 0 || this.#starting.has(one);
    const own = waiting.filter((running) => running.decoder === decoder);
    const step = new Step(own, rows, isStarting, this.#resting(own));
    let isOldest = true;
    for (const running of waiting) {
      const isStart = isStarting(running);
      if (running.decoder !== decoder) {
        isOldest = false;
        if (isStart && !this.#mayFit(running, step)) step.isBlocked = true;
        continue;
      }
      if (step.rowsFor(running) === 0) continue;
      if (isStart) {
        if (step.isBlocked || this.#willBeShared(running, step)) continue;
        if (running.stored === 0) this.#adoptPrefix(running, step);
      }
      // The oldest may take what it needs; a later prompt starts only where all of it and a token more has room.
      const mayTake = !isStart || (isOldest && step.plans.length === 0);
      const count = step.rowsFor(running);
      const room = mayTake ? count : running.missing + 1;
      if (this.#makeRoom(running, room, mayTake, step)) {
        step.add(running, count);
        this.#starting.delete(running);
      } else if (isStart) step.isBlocked = true; // nobody younger may overtake a prompt that waits for room
    }
    this.#addDrafts(step, rows);
    return step.plans;
  }

  /** Those that decode and have no row in this step, in turn. */
  #resting(waiting: readonly RunningSequence[]): Set<RunningSequence> {
    const decoding = waiting.filter(({ missing }) => missing === 1);
    decoding.sort((one, other) => one.turn - other.turn);
    for (const running of decoding.slice(0, MOST_DECODE_ROWS)) running.turn = ++this.#turns;
    return new Set(decoding.slice(MOST_DECODE_ROWS));
  }

  /** Where all decode, rows that are left check drafts; they take free pages only, so nobody loses any for them. */
  #addDrafts(step: Step, rows: number): void {
    if (step.plans.some(({ count }) => count > 1)) return;
    const share = draftShare(rows, step.plans.length);
    let others = step.plans.length - 1;
    for (const [at, { running, count }] of step.plans.entries()) {
      const { drafter, mostDrafts = 0 } = running.wish?.options ?? {};
      const free = running.takesDrafts ? this.#freeTokens(running, count, step) : 0;
      const most = Math.min(share, mostDrafts, free);
      const drafts = most > 0 ? drafter?.draft(most, others) : undefined;
      if (!drafts) continue;
      others += drafts.ids.length;
      step.newPages += pagesFor(running, count + drafts.ids.length) - pagesFor(running, count);
      step.plans[at] = { running, count, drafts };
    }
  }

  /** Tokens for which a sequence finds room after `count` more, in its own last page and in free ones. */
  #freeTokens({ stored }: RunningSequence, count: number, step: Step): number {
    const rest = -(stored + count) & (PAGE_TOKENS - 1);
    return rest + Math.max(0, this.#freePages(step)) * PAGE_TOKENS;
  }

  /** Gives a sequence's pages back; it is fed again when it is next asked for. */
  takeAway(running: RunningSequence): void {
    if (running.sequence) this.cache.free(running.sequence);
    running.sequence = undefined;
  }

  /** Whether another is about to feed a part of this prompt that nobody holds yet: then it is worth to wait. */
  #willBeShared({ sharesPrefixes, ids, decoder }: RunningSequence, { feeding }: Step): boolean {
    if (!sharesPrefixes) return false;
    const held = this.kept.sharedTokens(ids, decoder);
    return feeding.some((other) => {
      const shared = other.sharesPrefixes ? shareable(other.ids, ids, this.cache) : 0;
      return shared >= Math.max(other.stored, held) + MIN_SHARED_TOKENS;
    });
  }

  /** Begins with the longest beginning that another sequence holds. */
  #adoptPrefix(running: RunningSequence, step: Step): void {
    this.takeAway(running);
    this.#starting.add(running);
    const { ids, sharesPrefixes, hasStepped, decoder } = running;
    if (!sharesPrefixes) return;
    let best: { sequence: NonNullable<RunningSequence["sequence"]>; shared: number } | undefined;
    for (const other of this.running) {
      if (!other.sharesPrefixes || !other.sequence || other.decoder !== decoder) continue;
      const shared = Math.min(shareable(other.ids, ids, this.cache), other.stored);
      if (shared > (best?.shared ?? 0)) best = { sequence: other.sequence, shared };
    }
    const hasRoom = this.#freePages(step) > 0;
    if (best && best.shared >= Math.max(MIN_SHARED_TOKENS, this.kept.sharedTokens(ids, decoder))) {
      const wholePages = Math.floor(best.shared / PAGE_TOKENS) * PAGE_TOKENS;
      // whole pages are shared without a copy
      running.sequence = this.cache.fork(best.sequence, hasRoom ? best.shared : wholePages);
    } else {
      running.sequence = this.kept.claim(ids, hasRoom, decoder);
    }
    if (!hasStepped) running.reusedTokens = running.stored;
  }

  /** Frees pages until `tokens` more fit: kept sequences, then, if it may, pages of others; planned ones are older. */
  #makeRoom(running: RunningSequence, tokens: number, mayTake: boolean, step: Step): boolean {
    const needed = pagesFor(running, tokens);
    if (needed <= this.#freePages(step)) return true;
    if (!mayTake && !this.#mayFit(running, step, tokens)) return false;
    while (this.#freePages(step) < needed) {
      if (this.kept.evict()) continue;
      const victim = mayTake ? this.#victim(running) : undefined;
      if (!victim) return false;
      this.takeAway(victim);
    }
    return true;
  }

  /** Whether there is room where all that is kept makes way. */
  #mayFit(running: RunningSequence, step: Step, tokens: number = running.missing + 1): boolean {
    const evictable = this.cache.maxPages - this.#runningPages() - step.newPages;
    return pagesFor(running, tokens) <= evictable;
  }

  /** Of the sequences that nobody waits for, or else of those younger than `running`, the youngest that has pages. */
  #victim(running: RunningSequence): RunningSequence | undefined {
    const all = [...this.running];
    const isHolding = (other: RunningSequence) =>
      other !== running && (other.sequence?.pages.length ?? 0) > 0;
    const idle = all.findLast((other) => isHolding(other) && !other.wish);
    return idle ?? all.slice(all.indexOf(running) + 1).findLast(isHolding);
  }

  /** Pages that are neither in use nor needed by what this step feeds already. */
  #freePages(step: Step): number {
    return this.cache.maxPages - this.cache.usedPages - step.newPages;
  }

  #runningPages(): number {
    const pages = new Set<number>();
    for (const { sequence } of this.running) sequence?.pages.forEach((page) => pages.add(page));
    return pages.size;
  }
}

/** What has been planned so far. */
class Step {
  readonly plans: Plan[] = [];
  /** Sequences whose prompt is being fed, in earlier steps or from this one on. */
  readonly feeding: RunningSequence[];
  /** No further prompt may start. */
  isBlocked = false;
  /** Pages that the cache will have to add. */
  newPages = 0;
  #decodeRows = MOST_DECODE_ROWS;
  #promptRows: number;

  constructor(
    waiting: readonly RunningSequence[],
    rows: number,
    isStarting: (running: RunningSequence) => boolean,
    private readonly resting: ReadonlySet<RunningSequence>,
  ) {
    const decoding = waiting.filter(({ missing }) => missing === 1).length;
    this.#promptRows = Math.max(rows - decoding, Math.min(rows, LEAST_PROMPT_ROWS));
    this.feeding = waiting.filter((one) => !isStarting(one) && one.missing > 1);
  }

  /** How many of its tokens a sequence may still feed in this step. */
  rowsFor(running: RunningSequence): number {
    const { missing } = running;
    if (missing === 1 && this.resting.has(running)) return 0;
    return Math.min(missing, missing === 1 ? this.#decodeRows : this.#promptRows);
  }

  add(running: RunningSequence, count: number): void {
    if (running.missing === 1) this.#decodeRows -= count;
    else this.#promptRows -= count;
    if (running.stored === 0 || running.missing > 1) this.feeding.push(running);
    this.newPages += pagesFor(running, count);
    this.plans.push({ running, count });
  }
}

/** Pages that a sequence lacks for `tokens` more. */
function pagesFor({ sequence, stored }: RunningSequence, tokens: number): number {
  return Math.ceil((stored + tokens) / PAGE_TOKENS) - (sequence?.pages.length ?? 0);
}
