/** Runs a grammar over bytes: sets of places in it, with the rules that they return to. Knows no tokens but control tokens. */
import { type CompletionCosts, completionCosts, NEVER } from "./completion_costs.ts";
import { CALL, EPSILON, FIRST_TOKEN, type Grammar, type Rule } from "./grammar.ts";

/** A rule that was called, and all the places that it may return to; equal ones are one object. */
export interface Context {
  readonly id: number;
  readonly rule: Rule;
  /** Characters so far, where the rule counts them. */
  readonly count: number;
  /** Empty: nobody called, the run ends with this rule. */
  readonly returns: readonly Place[];
  /** Bytes to the end of the run after this rule's own end. */
  readonly cost: number;
}

/** A node and who called its rule. */
export interface Place {
  readonly node: number;
  readonly context: Context;
}

/** All places where the bytes so far may have led; equal ones are mostly one object. */
export interface State {
  /** Places right after the last byte. */
  readonly kernel: readonly Place[];
  /** Places with edges that take a byte or a token, reached from the kernel without taking any. */
  readonly active: readonly Place[];
  /** Whether the run may end here. */
  readonly isEnd: boolean;
  /** Bit of each byte that may come. */
  readonly bytes: Uint32Array;
  /** Control tokens that may come. */
  readonly tokens: readonly number[];
  /** Next states by high and low half of the byte, as far as they were asked for; null: there is none. */
  readonly next: (State | null | undefined)[][];
}

/** States and contexts are forgotten when there are more; runs go on with those that they hold. */
const MAX_STATES = 4_096;

/**
 * A nondeterministic pushdown automaton, made deterministic as far as it is run. Nodes without a way to the end
 * (`completionCosts`) are left out, so from each state there is one, byte by byte.
 */
export class Machine {
  readonly costs: CompletionCosts;
  readonly #states = new Map<string, State>();
  readonly #contexts = new Map<string, Context>();
  #contextCount = 0;

  /** `hasByte[b]`: whether byte `b` is a token of its own. */
  constructor(readonly grammar: Grammar, readonly hasByte: Uint8Array) {
    this.costs = completionCosts(grammar, hasByte);
  }

  /** A run of one rule; `count` characters of it are there. */
  outermost(rule: Rule, count = 0): Context {
    return this.#context(rule, count, []);
  }

  /** The state of these places. */
  stateOf(places: readonly Place[]): State {
    const kernel = distinct(places);
    let key = "";
    for (const { node, context } of kernel) key += `${node},${context.id};`;
    let state = this.#states.get(key);
    if (!state) {
      if (this.#states.size >= MAX_STATES) this.#states.clear();
      this.#states.set(key, state = this.#closed(kernel));
    }
    return state;
  }

  /** After one more byte; null: it may not come. */
  step(state: State, byte: number): State | null {
    if ((state.bytes[byte >> 5] >>> (byte & 31) & 1) === 0) return null;
    const row = state.next[byte >> 4] ??= new Array(16);
    const known = row[byte & 15];
    if (known !== undefined) return known;
    return row[byte & 15] = this.#after(state, byte);
  }

  /** After one control token; null: it may not come. */
  stepToken(state: State, id: number): State | null {
    return this.#after(state, FIRST_TOKEN + id);
  }

  /** The place's own way to the end, in bytes. */
  costOf({ node, context }: Place): number {
    const missing = context.rule.counts ? Math.max(0, context.rule.counts.min - context.count) : 0;
    return Math.min(NEVER, this.costs.node[node] + missing + context.cost);
  }

  /** The context after an edge of its rule, with the character counted that the edge completes; undefined: not allowed. */
  contextAfter(context: Context, from: number, to: number): Context | undefined {
    const { rule, count } = context;
    if (!rule.counts) return context;
    const { body, min, max } = rule.counts;
    if (from === body && to === rule.end) return count >= min ? context : undefined;
    if (from === body && count >= max) return undefined;
    if (to !== body || from === rule.start) return context;
    const most = max === Infinity ? min : max;
    return count >= most ? context : this.#context(rule, count + 1, context.returns);
  }

  #after(state: State, symbol: number): State | null {
    const { firstEdge, nextEdge, low, high, target } = this.grammar;
    const places: Place[] = [];
    for (const { node, context } of state.active) {
      for (let edge = firstEdge[node]; edge >= 0; edge = nextEdge[edge]) {
        if (low[edge] < 0 || symbol < low[edge] || symbol > high[edge]) continue;
        if (this.costs.node[target[edge]] >= NEVER) continue;
        const after = this.contextAfter(context, node, target[edge]);
        if (after) places.push({ node: target[edge], context: after });
      }
    }
    return places.length === 0 ? null : this.stateOf(places);
  }

  #context(rule: Rule, count: number, returns: readonly Place[]): Context {
    const places = distinct(returns);
    let key = `${rule.id},${rule.counts ? count : "-"}:`;
    for (const { node, context } of places) key += `${node},${context.id};`;
    let context = this.#contexts.get(key);
    if (!context) {
      if (this.#contexts.size >= MAX_STATES) this.#contexts.clear();
      const cost = places.length === 0
        ? 0
        : places.reduce((least, place) => Math.min(least, this.costOf(place)), NEVER);
      context = { id: this.#contextCount++, rule, count, returns: places, cost };
      this.#contexts.set(key, context);
    }
    return context;
  }

  /**
   * Follows edges that take nothing, ends of rules and calls. Callers that are known together share one context of the
   * rule that they call, so what the kernel's rules return to comes first.
   */
  #closed(kernel: readonly Place[]): State {
    const active: Place[] = [];
    const calls = new Map<number, Place[]>();
    const returned: Place[] = [...kernel];
    let isEnd = false;
    const seen = new Set<number>();
    for (const place of returned) {
      this.#follow(place, seen, active, calls, ({ returns }) => {
        if (returns.length === 0) isEnd = true;
        else returned.push(...returns);
      });
    }
    for (const [id, callers] of calls) {
      calls.delete(id);
      const rule = this.grammar.rules[id];
      const context = this.#context(rule, 0, callers);
      // A callee that takes nothing has returned already: its callers have an edge for that.
      this.#follow({ node: rule.start, context }, seen, active, calls, () => {});
    }
    return { kernel, active, isEnd, ...this.#taken(active), next: [] };
  }

  /** Follows the edges that take nothing from one place, within its rule. */
  #follow(
    { node: start, context }: Place,
    seen: Set<number>,
    active: Place[],
    calls: Map<number, Place[]>,
    onEnd: (context: Context) => void,
  ): void {
    const { firstEdge, nextEdge, low, high, target, nodeCount } = this.grammar;
    const work = [start];
    for (let node = work.pop(); node !== undefined; node = work.pop()) {
      const key = context.id * nodeCount + node;
      if (seen.has(key)) continue;
      seen.add(key);
      if (node === context.rule.end) onEnd(context);
      let takes = false;
      for (let edge = firstEdge[node]; edge >= 0; edge = nextEdge[edge]) {
        const to = target[edge];
        if (low[edge] === EPSILON) work.push(to);
        else if (low[edge] !== CALL) takes = true;
        else if (this.costs.node[to] < NEVER && this.costs.rule[high[edge]] < NEVER) {
          const callers = calls.get(high[edge]);
          if (callers) callers.push({ node: to, context });
          else calls.set(high[edge], [{ node: to, context }]);
        }
      }
      if (takes) active.push({ node, context });
    }
  }

  /** What may come from these places. */
  #taken(active: readonly Place[]): Pick<State, "bytes" | "tokens"> {
    const { firstEdge, nextEdge, low, high, target } = this.grammar;
    const bytes = new Uint32Array(8);
    const tokens: number[] = [];
    for (const { node, context } of active) {
      for (let edge = firstEdge[node]; edge >= 0; edge = nextEdge[edge]) {
        if (low[edge] < 0 || this.costs.node[target[edge]] >= NEVER) continue;
        if (!this.contextAfter(context, node, target[edge])) continue;
        if (low[edge] >= FIRST_TOKEN) tokens.push(low[edge] - FIRST_TOKEN);
        else {for (let byte = low[edge]; byte <= high[edge]; byte++) {
            bytes[byte >> 5] |= 1 << (byte & 31);
          }}
      }
    }
    return { bytes, tokens };
  }
}

/** In a fixed order, each once. */
function distinct(places: readonly Place[]): readonly Place[] {
  if (places.length < 2) return places;
  const sorted = [...places].sort((a, b) => a.context.id - b.context.id || a.node - b.node);
  return sorted.filter(({ node, context }, i) =>
    i === 0 || node !== sorted[i - 1].node || context !== sorted[i - 1].context
  );
}
