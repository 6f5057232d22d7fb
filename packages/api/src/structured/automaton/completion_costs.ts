/** How few bytes complete a rule from each of its nodes. Chooses no tokens. */
import { CALL, EPSILON, FIRST_TOKEN, type Grammar, type Rule } from "./grammar.ts";

/** The cost of what cannot be completed. */
export const NEVER = 0x3fffffff;
/** What takes more to complete counts as never: nested lists of many items may need any number of bytes. */
const MAX_COST = 65_536;

/** The cheapest ways through a grammar. */
export interface CompletionCosts {
  /** Of each node the fewest bytes and control tokens to its rule's end, or `NEVER`. */
  readonly node: Int32Array;
  /** The edge with which that way begins. */
  readonly edge: Int32Array;
  /** Of each rule the fewest bytes that it takes. */
  readonly rule: Int32Array;
  /** Of each rule that counts characters, the edge of one that is a single byte. */
  readonly character: Int32Array;
}

/**
 * The cheapest ways to the ends of rules. Only bytes that are tokens of their own count, so that a way of this length can
 * be gone token by token. Knuth's generalization of Dijkstra's algorithm (doi:10.1016/0020-0190(77)90002-3): a call costs
 * the callee's own cheapest way.
 */
export function completionCosts(grammar: Grammar, hasByte: Uint8Array): CompletionCosts {
  const { low, high, target, nodeCount, rules } = grammar;
  const costs: CompletionCosts = {
    node: new Int32Array(nodeCount).fill(NEVER),
    edge: new Int32Array(nodeCount).fill(-1),
    rule: new Int32Array(rules.length).fill(NEVER),
    character: Int32Array.from(rules, (rule) => characterEdge(grammar, rule, hasByte)),
  };
  const incoming = edgesByKey(nodeCount, target);
  const calls = edgesByKey(rules.length, low.map((kind, e) => kind === CALL ? high[e] : -1));
  const source = edgeSources(grammar);
  const ruleOfStart = new Map(rules.map((rule) => [rule.start, rule]));
  const isFinal = new Uint8Array(nodeCount);
  const buckets: number[][] = [[]];
  const relax = (node: number, candidate: number, edge: number): void => {
    if (candidate >= costs.node[node] || candidate > MAX_COST) return;
    costs.node[node] = candidate;
    costs.edge[node] = edge;
    while (buckets.length <= candidate) buckets.push([]);
    buckets[candidate].push(node);
  };
  const relaxCall = (edge: number): void => {
    if (!isFinal[target[edge]]) return;
    relax(source[edge], costs.rule[high[edge]] + costs.node[target[edge]], edge);
  };
  for (const { end } of rules) relax(end, 0, -1);
  for (let known = 0; known < buckets.length; known++) {
    for (const node of buckets[known]) {
      if (isFinal[node]) continue;
      isFinal[node] = 1;
      for (const edge of incoming(node)) {
        if (low[edge] === CALL) relaxCall(edge);
        else if (low[edge] === EPSILON) relax(source[edge], known, edge);
        else if (isSpelled(hasByte, low[edge], high[edge])) relax(source[edge], known + 1, edge);
      }
      const rule = ruleOfStart.get(node);
      if (!rule) continue;
      costs.rule[rule.id] = ruleCost(rule, known, costs.character[rule.id]);
      for (const edge of calls(rule.id)) relaxCall(edge);
    }
    buckets[known] = [];
  }
  return costs;
}

function ruleCost({ counts }: Rule, startCost: number, character: number): number {
  if (!counts || counts.min === 0) return startCost;
  return character < 0 ? NEVER : startCost + counts.min;
}

function characterEdge(grammar: Grammar, { counts }: Rule, hasByte: Uint8Array): number {
  if (!counts) return -1;
  let found = -1;
  for (let edge = grammar.firstEdge[counts.body]; edge >= 0; edge = grammar.nextEdge[edge]) {
    const [low, high] = [grammar.low[edge], grammar.high[edge]];
    if (grammar.target[edge] !== counts.body || spelledByte(hasByte, low, high) < 0) continue;
    if (found < 0 || (low <= 0x61 && high >= 0x61)) found = edge;
  }
  return found;
}

function isSpelled(hasByte: Uint8Array, low: number, high: number): boolean {
  return low >= FIRST_TOKEN || spelledByte(hasByte, low, high) >= 0;
}

/** A byte of the range that is a token of its own, a letter or digit where there is one; -1: none is. */
export function spelledByte(hasByte: Uint8Array, low: number, high: number): number {
  for (const pleasant of [0x61, 0x30]) {
    if (low <= pleasant && pleasant <= high && hasByte[pleasant]) return pleasant;
  }
  for (let byte = low; byte <= high; byte++) if (hasByte[byte]) return byte;
  return -1;
}

function edgeSources(grammar: Grammar): Int32Array {
  const source = new Int32Array(grammar.low.length);
  for (let node = 0; node < grammar.nodeCount; node++) {
    for (let edge = grammar.firstEdge[node]; edge >= 0; edge = grammar.nextEdge[edge]) {
      source[edge] = node;
    }
  }
  return source;
}

/** Edges by a key of theirs (-1: none), as slices of one array. */
function edgesByKey(keyCount: number, keys: readonly number[]): (key: number) => Int32Array {
  const begin = new Int32Array(keyCount + 1);
  for (const key of keys) if (key >= 0) begin[key + 1]++;
  for (let key = 0; key < keyCount; key++) begin[key + 1] += begin[key];
  const edges = new Int32Array(begin[keyCount]);
  const next = begin.slice();
  keys.forEach((key, edge) => {
    if (key >= 0) edges[next[key]++] = edge;
  });
  return (key) => edges.subarray(begin[key], begin[key + 1]);
}
