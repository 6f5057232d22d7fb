/** Grammars over bytes: rules of nodes and edges, which may call rules. Knows no JSON and runs nothing. */

/** `low` of an edge that takes nothing. */
export const EPSILON = -1;
/** `low` of an edge that takes what a rule takes; `high` is the rule's id. */
export const CALL = -2;
/** Edges from here on take one control token: `FIRST_TOKEN + id`. Below are bytes. */
export const FIRST_TOKEN = 256;

/** So many edges are some megabytes in all. */
const MAX_EDGES = 200_000;

/** Characters between the quotes of a string, counted at each return to `body`. */
export interface CharacterCounts {
  readonly body: number;
  readonly min: number;
  readonly max: number;
}

/** What is taken between two nodes, wherever it is called. No edge leaves `end`, none leads to `start`. */
export interface Rule {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly counts?: CharacterCounts;
}

/** A grammar of more edges than are kept. */
export class GrammarSizeError extends RangeError {
  override readonly name = "GrammarSizeError";
  constructor(readonly maxEdges: number) {
    super(`The grammar has more than ${maxEdges} edges`);
  }
}

const encoder = new TextEncoder();

/** Nodes are numbers; the edges of a node are a list through `nextEdge`, -1 at its end. */
export class Grammar {
  readonly rules: Rule[] = [];
  readonly firstEdge: number[] = [];
  readonly nextEdge: number[] = [];
  readonly low: number[] = [];
  readonly high: number[] = [];
  readonly target: number[] = [];

  get nodeCount(): number {
    return this.firstEdge.length;
  }

  addNode(): number {
    return this.firstEdge.push(-1) - 1;
  }

  /** A rule without edges; with `counts` its characters are counted from 0. */
  addRule(counts?: { readonly min: number; readonly max: number }): Rule {
    const rule: Rule = {
      id: this.rules.length,
      start: this.addNode(),
      end: this.addNode(),
      ...(counts ? { counts: { ...counts, body: this.addNode() } } : {}),
    };
    this.rules.push(rule);
    return rule;
  }

  /** Takes one byte (or control token) of `low..high`. */
  addRange(from: number, low: number, high: number, to: number): void {
    if (this.low.length >= MAX_EDGES) throw new GrammarSizeError(MAX_EDGES);
    this.low.push(low);
    this.high.push(high);
    this.target.push(to);
    this.nextEdge.push(this.firstEdge[from]);
    this.firstEdge[from] = this.low.length - 1;
  }

  /** Takes one of these ASCII characters; neighbours in a row become one edge. */
  addOneOf(from: number, characters: string, to: number): void {
    const bytes = encoder.encode(characters);
    let begin = 0;
    bytes.forEach((byte, i) => {
      if (bytes[i + 1] === byte + 1) return;
      this.addRange(from, bytes[begin], byte, to);
      begin = i + 1;
    });
  }

  addEpsilon(from: number, to: number): void {
    this.addRange(from, EPSILON, EPSILON, to);
  }

  /**
   * Takes what `rule` takes, which must be something: see `takesNothing`. No rule may call itself before it has taken
   * something.
   */
  addCall(from: number, rule: Rule, to: number): void {
    this.addRange(from, CALL, rule.id, to);
  }

  /** Takes the text. */
  addText(from: number, text: string, to: number): void {
    const bytes = encoder.encode(text);
    let node = from;
    bytes.forEach((byte, i) => {
      const next = i === bytes.length - 1 ? to : this.addNode();
      this.addRange(node, byte, byte, next);
      node = next;
    });
    if (bytes.length === 0) this.addEpsilon(from, to);
  }

  /** Takes one of the texts; those that begin alike share their nodes. */
  addTexts(from: number, texts: Iterable<string>, to: number): void {
    const children = new Map<number, Map<number, number>>();
    for (const text of texts) {
      let node = from;
      for (const byte of encoder.encode(text)) {
        let byByte = children.get(node);
        if (!byByte) children.set(node, byByte = new Map());
        let next = byByte.get(byte);
        if (next === undefined) {
          byByte.set(byte, next = this.addNode());
          this.addRange(node, byte, byte, next);
        }
        node = next;
      }
      this.addEpsilon(node, to);
    }
  }
}

/** Whether a rule may take nothing. A call of such a rule needs an `EPSILON` beside it. */
export function takesNothing(grammar: Grammar, rule: Rule): boolean {
  const seen = new Set([rule.start]);
  for (const node of seen) {
    for (let edge = grammar.firstEdge[node]; edge >= 0; edge = grammar.nextEdge[edge]) {
      if (grammar.low[edge] === EPSILON) seen.add(grammar.target[edge]);
    }
  }
  return seen.has(rule.end);
}
