/** The cheapest way from a state to the end, as tokens. Changes no state. */
import { spelledByte } from "./completion_costs.ts";
import { CALL, EPSILON, FIRST_TOKEN, type Rule } from "./grammar.ts";
import type { Machine, Place, State } from "./machine.ts";
import { tokensOfBytes, type TokenTrie } from "./token_trie.ts";

/** Token ids that end the run from here; each is allowed when its turn comes. */
export function closingTokens(machine: Machine, trie: TokenTrie, state: State): number[] {
  const ids: number[] = [];
  let bytes: number[] = [];
  for (const symbol of closingSymbols(machine, cheapest(machine, state.kernel))) {
    if (symbol < FIRST_TOKEN) bytes.push(symbol);
    else {
      ids.push(...tokensOfBytes(trie, bytes), symbol - FIRST_TOKEN);
      bytes = [];
    }
  }
  ids.push(...tokensOfBytes(trie, bytes));
  return ids;
}

function cheapest(machine: Machine, places: readonly Place[]): Place {
  return places.reduce((best, place) =>
    machine.costOf(place) < machine.costOf(best) ? place : best
  );
}

/** Bytes and control tokens from a place to the end of the run. */
function closingSymbols(machine: Machine, place: Place): number[] {
  const symbols: number[] = [];
  for (let at = place;;) {
    closeRule(machine, at.context.rule, at.node, at.context.count, symbols);
    if (at.context.returns.length === 0) return symbols;
    at = cheapest(machine, at.context.returns);
  }
}

/** A rule that was called on the way. */
interface Call {
  readonly rule: Rule;
  readonly node: number;
  readonly count: number;
}

function closeRule(
  machine: Machine,
  rule: Rule,
  from: number,
  charactersThere: number,
  symbols: number[],
): void {
  const { grammar, costs, hasByte } = machine;
  const { target, low, high } = grammar;
  const callers: Call[] = [];
  let [node, count] = [from, charactersThere];
  while (true) {
    if (node === rule.end) {
      const caller = callers.pop();
      if (!caller) return;
      ({ rule, node, count } = caller);
      continue;
    }
    const isMissing = node === rule.counts?.body && count < rule.counts.min;
    const edge = isMissing ? costs.character[rule.id] : costs.edge[node];
    const to = target[edge];
    if (low[edge] === CALL) {
      callers.push({ rule, node: to, count });
      rule = grammar.rules[high[edge]];
      [node, count] = [rule.start, 0];
      continue;
    }
    if (low[edge] >= FIRST_TOKEN) symbols.push(low[edge]);
    else if (low[edge] !== EPSILON) symbols.push(spelledByte(hasByte, low[edge], high[edge]));
    if (to === rule.counts?.body && node !== rule.start) count++;
    node = to;
  }
}
