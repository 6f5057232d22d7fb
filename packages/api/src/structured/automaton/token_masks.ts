/** Which tokens may come in a state of a machine. Moves no state. */
import type { Rule } from "./grammar.ts";
import type { Context, Machine, Place, State } from "./machine.ts";
import type { TokenTrie } from "./token_trie.ts";

/** Places of one context. */
interface Group {
  readonly context: Context;
  readonly nodes: readonly number[];
  /** The nodes, and what else decides which tokens they take within their rule. */
  readonly key: string;
}

/** Places in the trie at which a rule ended; equal ones are one object. */
interface Exits {
  readonly id: number;
  readonly nodes: Int32Array;
}

/** What tokens do from some nodes of a rule, whoever called it. */
interface Walk {
  readonly id: number;
  /** Tokens that stay in the rule or end with it: ids, or where they are many a bit for each id. */
  readonly ids?: Int32Array;
  readonly bits?: Uint32Array;
  /** Where tokens leave the rule. */
  readonly exits: Exits;
}

/** What tokens do within a string, by the characters that it must have room for. */
interface CountedWalk {
  /** A bit for each token that stays in the string. */
  readonly bits: Uint32Array;
  /** Where these tokens end in the trie, and from where on in this list they need so many characters. */
  readonly nodes: Int32Array;
  readonly firstOfNeed: Int32Array;
  /** Where tokens leave it, and with how many characters. */
  readonly exits: Int32Array;
  readonly exitCounts: Uint16Array;
}

/** Walks are forgotten when they take more; each is walked anew when it is asked for again. */
const MAX_BYTES = 4_194_304;

/**
 * Masks of a vocabulary. Most of a mask depends on the innermost rule alone: which tokens stay in a string is the same
 * for all strings. So a walk over the trie from a rule's nodes is kept, with the places where tokens left the rule; from
 * there another walk goes on in whatever rule called it. A mask is the union of such walks, which after some tokens are
 * all kept.
 */
export class TokenMasks {
  readonly #machine: Machine;
  readonly #trie: TokenTrie;
  readonly #walks = new Map<string, Walk>();
  readonly #counted = new Map<string, CountedWalk>();
  readonly #exits = new Map<string, Exits>();
  readonly #groups = new WeakMap<readonly Place[], readonly Group[]>();
  readonly #root: Exits;
  /** The tokens of the walk that is being made. */
  readonly #found: Uint32Array;
  readonly #path: State[] = [];
  #sizeBytes = 0;
  #lastId = 0;

  constructor(machine: Machine, trie: TokenTrie) {
    this.#machine = machine;
    this.#trie = trie;
    this.#root = { id: 0, nodes: new Int32Array(1) };
    this.#found = new Uint32Array(maskWords(trie));
  }

  /** Sets in `mask` the bit of each token that may come, and no other. */
  fill(mask: Uint32Array, state: State): void {
    mask.fill(0);
    const seen = new Set<string>();
    for (const group of this.#groupsOf(state.kernel)) this.#add(mask, group, this.#root, seen);
  }

  #add(mask: Uint32Array, group: Group, from: Exits, seen: Set<string>): void {
    const walk = this.#walk(group, from);
    const key = `${walk.id},${group.context.id}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (walk.bits) { for (let i = 0; i < mask.length; i++) mask[i] |= walk.bits[i]; }
    if (walk.ids) { for (const id of walk.ids) mask[id >> 5] |= 1 << (id & 31); }
    if (walk.exits.nodes.length === 0) return;
    for (const outer of this.#groupsOf(group.context.returns)) {
      this.#add(mask, outer, walk.exits, seen);
    }
  }

  #groupsOf(places: readonly Place[]): readonly Group[] {
    let groups = this.#groups.get(places);
    if (!groups) {
      const byContext = new Map<Context, number[]>();
      for (const { node, context } of places) {
        byContext.set(context, [...byContext.get(context) ?? [], node]);
      }
      groups = [...byContext].map(([context, nodes]) => {
        const { least, most } = this.#room(context);
        return { context, nodes, key: `${context.rule.id},${least},${most}:${nodes}` };
      });
      this.#groups.set(places, groups);
    }
    return groups;
  }

  /** Characters that a string still needs and may still have; more than a token has are as good as any. */
  #room({ rule: { counts }, count }: Context): { least: number; most: number } {
    if (!counts) return { least: 0, most: 0 };
    const enough = this.#trie.maxDepth + 1;
    return {
      least: Math.min(enough, Math.max(0, counts.min - count)),
      most: Math.min(enough, counts.max - count),
    };
  }

  #walk(group: Group, from: Exits): Walk {
    const key = `${from.id}|${group.key}`;
    let walk = this.#walks.get(key);
    if (!walk) {
      const { rule } = group.context;
      const isInString = rule.counts !== undefined && from === this.#root &&
        !group.nodes.includes(rule.start) && !group.nodes.includes(rule.end);
      walk = isInString ? this.#walkString(group) : this.#walkTrie(group, from);
      if (this.#sizeBytes > MAX_BYTES) this.#forget();
      this.#walks.set(key, walk);
      this.#sizeBytes += 4 * ((walk.bits ?? walk.ids ?? []).length + walk.exits.nodes.length) + 256;
    }
    return walk;
  }

  #forget(): void {
    this.#walks.clear();
    this.#counted.clear();
    this.#exits.clear();
    this.#sizeBytes = 0;
  }

  #walkTrie({ context, nodes }: Group, from: Exits): Walk {
    const start = this.#startOf(context.rule, nodes, context.count);
    const exits: number[] = [];
    for (const root of from.nodes) {
      if (root === 0) { for (const id of start.tokens) this.#find(id); }
      if (start.isEnd) exits.push(root);
      this.#visit(start, root, (node, state) => {
        this.#findAt(node);
        if (state.isEnd) exits.push(node);
      });
    }
    return this.#madeWalk(Int32Array.from(new Set(exits)).sort());
  }

  #find(id: number): void {
    this.#found[id >> 5] |= 1 << (id & 31);
  }

  #findAt(node: number): void {
    const { token, sameBytes } = this.#trie;
    for (let id = token[node]; id >= 0; id = sameBytes[id]) this.#find(id);
  }

  #forgetAt(node: number): void {
    const { token, sameBytes } = this.#trie;
    for (let id = token[node]; id >= 0; id = sameBytes[id]) {
      this.#found[id >> 5] &= ~(1 << (id & 31));
    }
  }

  #startOf(rule: Rule, nodes: readonly number[], count: number): State {
    const context = this.#machine.outermost(rule, count);
    return this.#machine.stateOf(nodes.map((node) => ({ node, context })));
  }

  /** Tells of each node below `root` to which its bytes lead. */
  #visit(start: State, root: number, tell: (node: number, state: State) => void): void {
    const { byte, depth, end } = this.#trie;
    const path = this.#path;
    path[depth[root]] = start;
    for (let node = root + 1; node < end[root];) {
      const state = this.#machine.step(path[depth[node] - 1], byte[node]);
      if (state) {
        path[depth[node]] = state;
        tell(node, state);
        node++;
      } else node = end[node];
    }
  }

  /** Takes what was found. */
  #madeWalk(exits: Int32Array): Walk {
    const key = exits.join();
    let known = key === "0" ? this.#root : this.#exits.get(key);
    if (!known) {
      known = { id: ++this.#lastId, nodes: exits };
      this.#exits.set(key, known);
      this.#sizeBytes += 2 * key.length;
    }
    const ids = idsOf(this.#found, this.#found.length);
    const tokens = ids ? { ids } : { bits: this.#found.slice() };
    this.#found.fill(0);
    return { id: ++this.#lastId, ...tokens, exits: known };
  }

  /**
   * The same as `#walkTrie` for strings whose characters are counted: one walk without counts serves all counts, which
   * else would take a walk over most of the trie after each token.
   */
  #walkString({ context, nodes }: Group): Walk {
    const key = `${context.rule.id}:${nodes}`;
    let walk = this.#counted.get(key);
    if (!walk) {
      this.#counted.set(key, walk = this.#countedWalk(context.rule, nodes));
      this.#sizeBytes += 4 * walk.nodes.length + 6 * walk.exits.length;
    }
    const { least, most } = this.#room(context);
    this.#found.set(walk.bits);
    for (const node of walk.nodes.subarray(walk.firstOfNeed[most + 1])) this.#forgetAt(node);
    const { exitCounts } = walk;
    const left = walk.exits.filter((_, i) => least <= exitCounts[i] && exitCounts[i] <= most);
    for (const node of left) this.#findAt(node);
    return this.#madeWalk(left);
  }

  #countedWalk(rule: Rule, nodes: readonly number[]): CountedWalk {
    const { depth, token, maxDepth } = this.#trie;
    const { counts, ...uncounted } = rule;
    const start = this.#startOf(uncounted, nodes, 0);
    const byNeed: number[][] = Array.from({ length: maxDepth + 2 }, () => []);
    const [exits, exitCounts]: number[][] = [[], []];
    const countAt = [0];
    this.#visit(start, 0, (node, state) => {
      const isWhole = state.kernel[0].node === counts?.body;
      const count = countAt[depth[node]] = countAt[depth[node] - 1] + (isWhole ? 1 : 0);
      if (state.isEnd) {
        exits.push(node);
        exitCounts.push(count);
      } else if (token[node] >= 0) {
        this.#findAt(node);
        byNeed[isWhole ? count : count + 1].push(node);
      }
    });
    const bits = this.#found.slice();
    this.#found.fill(0);
    let first = 0;
    const firstOfNeed = byNeed.map(({ length }) => (first += length) - length);
    return {
      ...{ bits, nodes: Int32Array.from(byNeed.flat()) },
      firstOfNeed: Int32Array.from([...firstOfNeed, first]),
      ...{ exits: Int32Array.from(exits), exitCounts: Uint16Array.from(exitCounts) },
    };
  }
}

/** Words of a mask that has a bit for each token. */
export function maskWords({ vocabularySize }: TokenTrie): number {
  return (vocabularySize + 31) >> 5;
}

/** The ids whose bits are set, where there are no more than `most`. */
function idsOf(bits: Uint32Array, most: number): Int32Array | undefined {
  const ids: number[] = [];
  for (let word = 0; word < bits.length; word++) {
    for (let rest = bits[word]; rest !== 0; rest &= rest - 1) {
      if (ids.length === most) return undefined;
      ids.push(32 * word + 31 - Math.clz32(rest & -rest));
    }
  }
  return Int32Array.from(ids);
}
