/** The merge rules of BPE as a hash table, and the loop that applies them to one word. Reads no text. */
import { ModelError } from "../errors.ts";
import { bytesAt, type TokenIndex } from "./token_index.ts";
import type { StringList } from "./vocabulary.ts";

/** The rank of a pair that no rule merges; above all real ranks. */
const NO_RULE = 0x7fffffff;
const SPACE = 0x20;
/** Above this many symbols the next merge comes from a heap, so that one huge word stays O(n log n). */
const HEAP_FROM = 64;

/** One rule: `left` and `right` become `merged`; the lowest rank comes first. */
export interface MergeRule {
  readonly left: number;
  readonly right: number;
  readonly rank: number;
  readonly merged: number;
}

/** Merge rules by pair of token ids; a lower rank is merged first. */
export class MergeTable {
  /** Open addressing, a power of two of slots at most half full: left id (-1: free), right id, rank. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** The token that the rules of a rank make. */
  readonly #merged: Int32Array;

  /** @param count the most rules there are; ranks lie below it. Where two rules have one pair, the first wins. */
  constructor(rules: Iterable<MergeRule>, count: number) {
    let slots = 16;
    while (slots < count * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots * 3).fill(-1);
    this.#merged = new Int32Array(count);
    for (const { left, right, rank, merged } of rules) {
      this.#merged[rank] = merged;
      this.#add(left, right, rank);
    }
  }

  /** Merges `ids[0..length)` in place until no rule fits; gives the new length. */
  merge(ids: Int32Array, length: number): number {
    if (length < 2) return length;
    return length < HEAP_FROM ? this.#mergeByScan(ids, length) : this.#mergeByHeap(ids, length);
  }

  #add(left: number, right: number, rank: number): void {
    const slots = this.#slots;
    let slot = hash(left, right) & this.#mask;
    while (slots[slot * 3] >= 0) {
      if (slots[slot * 3] === left && slots[slot * 3 + 1] === right) return; // the first rule wins
      slot = (slot + 1) & this.#mask;
    }
    slots[slot * 3] = left;
    slots[slot * 3 + 1] = right;
    slots[slot * 3 + 2] = rank;
  }

  #rankOf(left: number, right: number): number {
    const slots = this.#slots;
    let slot = hash(left, right) & this.#mask;
    while (slots[slot * 3] >= 0) {
      if (slots[slot * 3] === left && slots[slot * 3 + 1] === right) return slots[slot * 3 + 2];
      slot = (slot + 1) & this.#mask;
    }
    return NO_RULE;
  }

  /** Looks at every pair for each merge: the fastest for words of ordinary length. */
  #mergeByScan(ids: Int32Array, length: number): number {
    const ranks = new Int32Array(length);
    for (let i = 0; i + 1 < length; i++) ranks[i] = this.#rankOf(ids[i], ids[i + 1]);
    for (;;) {
      let best = 0;
      for (let i = 1; i + 1 < length; i++) if (ranks[i] < ranks[best]) best = i;
      if (length < 2 || ranks[best] === NO_RULE) return length;
      ids[best] = this.#merged[ranks[best]];
      ids.copyWithin(best + 1, best + 2, length);
      ranks.copyWithin(best + 1, best + 2, length);
      length--;
      if (best > 0) ranks[best - 1] = this.#rankOf(ids[best - 1], ids[best]);
      if (best + 1 < length) ranks[best] = this.#rankOf(ids[best], ids[best + 1]);
    }
  }

  /** Keeps the pairs in a heap by (rank, position) and the symbols in a linked list. */
  #mergeByHeap(ids: Int32Array, length: number): number {
    const next = Int32Array.from({ length }, (_, i) => i + 1);
    const before = Int32Array.from({ length }, (_, i) => i - 1);
    const heap = new PairHeap();
    const offer = (at: number): void => {
      if (at < 0 || next[at] >= length) return;
      const rank = this.#rankOf(ids[at], ids[next[at]]);
      if (rank !== NO_RULE) heap.push(rank, at);
    };
    for (let i = 0; i + 1 < length; i++) offer(i);
    while (heap.size > 0) {
      const { rank, at } = heap.pop();
      const right = next[at];
      // an entry is out of date when its symbol was merged away (next = -1) or has another neighbour
      if (right < 0 || right >= length || this.#rankOf(ids[at], ids[right]) !== rank) continue;
      ids[at] = this.#merged[rank];
      next[at] = next[right];
      if (next[at] < length) before[next[at]] = at;
      next[right] = -1;
      offer(before[at]);
      offer(at);
    }
    let kept = 0;
    for (let at = 0; at < length; at = next[at]) ids[kept++] = ids[at];
    return kept;
  }
}

/**
 * The rules that a file lists as `left right`, the most wanted first.
 * @throws {ModelError} when a rule names a token that the vocabulary lacks
 */
export function* listedRules(merges: StringList, index: TokenIndex): Generator<MergeRule> {
  let joined = new Uint8Array(256); // the rule without its space
  for (let rank = 0; rank < merges.length; rank++) {
    const rule = bytesAt(merges, rank);
    const middle = rule.indexOf(SPACE, 1);
    if (joined.length < rule.length) joined = new Uint8Array(rule.length * 2);
    for (let i = 0; i < middle; i++) joined[i] = rule[i];
    for (let i = middle + 1; i < rule.length; i++) joined[i - 1] = rule[i];
    const left = index.find(joined, 0, middle);
    const right = index.find(joined, middle, rule.length - 1);
    const merged = index.find(joined, 0, rule.length - 1);
    if (middle < 0 || left < 0 || right < 0 || merged < 0) {
      const text = JSON.stringify(merges.at(rank));
      throw new ModelError(`Merge rule ${rank} (${text}) does not fit the vocabulary`);
    }
    yield { left, right, rank, merged };
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** A binary heap of (rank, position), the lowest rank first and among equals the leftmost. */
class PairHeap {
  /** rank * 2^31 + position: exact in a double for ranks below 2^22. */
  readonly #keys: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  push(rank: number, at: number): void {
    const keys = this.#keys;
    const key = rank * 2 ** 31 + at;
    let hole = keys.length;
    keys.push(key);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[hole] = keys[parent];
      hole = parent;
    }
    keys[hole] = key;
  }

  /** Takes the first pair out; the heap must not be empty. */
  pop(): { rank: number; at: number } {
    const keys = this.#keys;
    const top = keys[0];
    const last = keys.pop() as number;
    const size = keys.length;
    let hole = 0;
    while (size > 0) {
      let child = hole * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= last) break;
      keys[hole] = keys[child];
      hole = child;
    }
    if (size > 0) keys[hole] = last;
    return { rank: Math.floor(top / 2 ** 31), at: top % 2 ** 31 };
  }
}
