/** Finite automata over characters: out of patterns, lengths and forbidden texts. Knows neither bytes nor JSON. */
import type { CodePointRanges } from "../automaton/code_points.ts";
import { ANY, inverted, united } from "./code_point_sets.ts";
import { type Pattern, PatternError } from "./pattern.ts";

/** Where characters lead. */
export interface CharacterStep {
  readonly ranges: CodePointRanges;
  readonly to: number;
}

/** Deterministic; state 0 is the first. From every state an accepting one can be reached, unless nothing is accepted. */
export interface CharacterAutomaton {
  readonly steps: readonly (readonly CharacterStep[])[];
  readonly accepts: readonly boolean[];
}

const MAX_PATTERN_NODES = 4_000;
const MAX_STATES = 2_000;
const MAX_WORK = 4_000_000;

/** A pattern's nodes before they are made deterministic. */
interface PatternNodes {
  readonly characters: { readonly ranges: CodePointRanges; readonly to: number }[][];
  readonly free: number[][];
  /** Edges that only the text's start or its end lets through. */
  readonly atStart: number[][];
  readonly atEnd: number[][];
}

/**
 * The texts in which the pattern is found, anywhere where it has no anchors. Throws a PatternError when the automaton
 * would be large, as those of `(a|b)*a(a|b){20}` are.
 */
export function automatonOf(pattern: Pattern): CharacterAutomaton {
  const nodes: PatternNodes = { characters: [], free: [], atStart: [], atEnd: [] };
  const start = addNode(nodes);
  const found = addNode(nodes);
  nodes.characters[start].push({ ranges: ANY, to: start });
  nodes.characters[found].push({ ranges: ANY, to: found });
  addPattern(nodes, start, pattern, found);
  return trimmed(determinized(nodes, start, found));
}

function addNode(nodes: PatternNodes): number {
  if (nodes.free.length >= MAX_PATTERN_NODES) throw new PatternError("The pattern is too large");
  for (const edges of [nodes.characters, nodes.free, nodes.atStart, nodes.atEnd]) edges.push([]);
  return nodes.free.length - 1;
}

function addPattern(nodes: PatternNodes, from: number, pattern: Pattern, to: number): void {
  switch (pattern.kind) {
    case "characters":
      nodes.characters[from].push({ ranges: pattern.ranges, to });
      break;
    case "start":
      nodes.atStart[from].push(to);
      break;
    case "end":
      nodes.atEnd[from].push(to);
      break;
    case "choice":
      for (const part of pattern.of) addPattern(nodes, from, part, to);
      break;
    case "sequence": {
      let node = from;
      for (const part of pattern.of) {
        const next = addNode(nodes);
        addPattern(nodes, node, part, next);
        node = next;
      }
      nodes.free[node].push(to);
      break;
    }
    case "repeat":
      addRepeat(nodes, from, pattern, to);
  }
}

function addRepeat(
  nodes: PatternNodes,
  from: number,
  { of, min, max }: Pattern & { readonly kind: "repeat" },
  to: number,
): void {
  let node = from;
  const addOnce = (): void => {
    const next = addNode(nodes);
    addPattern(nodes, node, of, next);
    node = next;
  };
  for (let i = 0; i < min; i++) addOnce();
  if (max === Infinity) {
    const loop = addNode(nodes);
    nodes.free[node].push(loop);
    addPattern(nodes, loop, of, loop);
    nodes.free[loop].push(to);
    return;
  }
  for (let i = min; i < max; i++) {
    nodes.free[node].push(to);
    addOnce();
  }
  nodes.free[node].push(to);
}

/** Nodes reached without a character, in order. */
function closure(
  nodes: PatternNodes,
  from: Iterable<number>,
  gates: readonly number[][],
): number[] {
  const seen = new Set(from);
  for (const node of seen) {
    for (const to of nodes.free[node]) seen.add(to);
    for (const to of gates[node] ?? []) seen.add(to);
  }
  return [...seen].sort((a, b) => a - b);
}

function determinized(nodes: PatternNodes, start: number, found: number): CharacterAutomaton {
  const states: number[][] = [];
  const ids = new Map<string, number>();
  const idOf = (set: number[]): number => {
    const key = set.join();
    let id = ids.get(key);
    if (id === undefined) {
      ids.set(key, id = states.push(set) - 1);
      if (id >= MAX_STATES) throw new PatternError("The pattern's automaton is too large");
    }
    return id;
  };
  // The start is no other state's equal, also where its nodes are the same.
  states.push(closure(nodes, [start], nodes.atStart));
  const steps: CharacterStep[][] = [];
  const accepts: boolean[] = [];
  let work = 0;
  for (const set of states) {
    const edges = set.flatMap((node) => nodes.characters[node]);
    work += set.length + edges.length * edges.length;
    if (work > MAX_WORK) throw new PatternError("The pattern's automaton is too large");
    // The empty text is at its start and at its end at once.
    const gates = set === states[0]
      ? nodes.atEnd.map((edge, node) => [...edge, ...nodes.atStart[node]])
      : nodes.atEnd;
    accepts.push(closure(nodes, set, gates).includes(found));
    const byTarget = new Map<number, CodePointRanges>();
    for (const [low, high] of cuts(edges)) {
      const next = new Set<number>();
      for (const { ranges, to } of edges) if (holds(ranges, low)) next.add(to);
      if (next.size === 0) continue;
      const id = idOf(closure(nodes, next, []));
      byTarget.set(id, united(byTarget.get(id) ?? [], [[low, high]]));
    }
    steps.push([...byTarget].map(([to, ranges]) => ({ ranges, to })));
  }
  return { steps, accepts };
}

/** Ranges of characters that all edges take alike. */
function cuts(edges: readonly { readonly ranges: CodePointRanges }[]): [number, number][] {
  const begins = new Set([0]);
  for (const { ranges } of edges) {
    for (const [low, high] of ranges) begins.add(low).add(high + 1);
  }
  const sorted = [...begins].sort((a, b) => a - b);
  return sorted.flatMap((begin, i): [number, number][] => {
    const end = (sorted[i + 1] ?? 0x110000) - 1;
    return begin <= end && begin <= 0x10ffff ? [[begin, end]] : [];
  });
}

function holds(ranges: CodePointRanges, codePoint: number): boolean {
  return ranges.some(([low, high]) => low <= codePoint && codePoint <= high);
}

/** Without states from which nothing is accepted, and those that cannot be reached. */
function trimmed({ steps, accepts }: CharacterAutomaton): CharacterAutomaton {
  const sources: number[][] = steps.map(() => []);
  steps.forEach((edges, from) => {
    for (const { to } of edges) sources[to].push(from);
  });
  const alive = new Set(accepts.flatMap((accepted, state) => accepted ? [state] : []));
  for (const state of alive) for (const from of sources[state]) alive.add(from);
  const ids = new Map([[0, 0]]);
  for (const [state] of ids) {
    for (const { to } of steps[state]) if (alive.has(to) && !ids.has(to)) ids.set(to, ids.size);
  }
  return {
    steps: [...ids.keys()].map((state) =>
      steps[state].flatMap(({ ranges, to }) => {
        const id = alive.has(to) ? ids.get(to) : undefined;
        return id === undefined ? [] : [{ ranges, to: id }];
      })
    ),
    accepts: [...ids.keys()].map((state) => accepts[state]),
  };
}

/** Those of its texts that have so many characters. */
export function withLength(
  { steps, accepts }: CharacterAutomaton,
  min: number,
  max: number,
): CharacterAutomaton {
  const most = max === Infinity ? min : max;
  if (steps.length * (most + 1) > MAX_STATES * 4) {
    throw new PatternError("A pattern with this length has too large an automaton");
  }
  const all: CharacterStep[][] = [];
  const accepted: boolean[] = [];
  for (let count = 0; count <= most; count++) {
    const next = count === most && max === Infinity ? count : count + 1;
    steps.forEach((edges, state) => {
      accepted.push(accepts[state] && count >= min);
      all.push(
        next > most
          ? []
          : edges.map(({ ranges, to }) => ({ ranges, to: next * steps.length + to })),
      );
    });
  }
  return trimmed({ steps: all, accepts: accepted });
}

/** All texts but these. */
export function allBut(texts: Iterable<string>): CharacterAutomaton {
  const children: Map<number, number>[] = [new Map()];
  const accepts = [true];
  for (const text of texts) {
    let state = 0;
    for (const character of text) {
      const code = character.codePointAt(0) as number;
      let next = children[state].get(code);
      if (next === undefined) {
        children[state].set(code, next = children.push(new Map()) - 1);
        accepts.push(true);
      }
      state = next;
    }
    accepts[state] = false;
  }
  const other = children.length;
  const steps = children.map((byCode): CharacterStep[] => [
    ...[...byCode].map(([code, to]): CharacterStep => ({ ranges: [[code, code]], to })),
    {
      ranges: inverted([...byCode.keys()].sort((a, b) => a - b).map((code) => [code, code])),
      to: other,
    },
  ]);
  return { steps: [...steps, [{ ranges: ANY, to: other }]], accepts: [...accepts, true] };
}

/** Whether the text is one of them. */
export function acceptsText({ steps, accepts }: CharacterAutomaton, text: string): boolean {
  let state = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    const step = steps[state].find(({ ranges }) => holds(ranges, code));
    if (!step) return false;
    state = step.to;
  }
  return accepts[state];
}
