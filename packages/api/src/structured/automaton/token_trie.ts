/** A vocabulary's tokens as a trie over their bytes, in arrays. Knows no grammar. */
import type { Tokenizer } from "@aha/runtime";

/** What of a tokenizer is needed here. */
export type Vocabulary = Pick<
  Tokenizer,
  "vocabularySize" | "bytesOf" | "endIds" | "controlTokens"
>;

/**
 * Nodes in preorder, the root first: the descendants of a node are those up to its `end`. Control tokens and ends of turn
 * are not in it: no text may become them.
 */
export interface TokenTrie {
  readonly vocabularySize: number;
  /** The last byte of each node, and how many there are up to it. */
  readonly byte: Uint8Array;
  readonly depth: Uint16Array;
  readonly end: Int32Array;
  /** The token that ends at each node, -1: none. */
  readonly token: Int32Array;
  /** Of each token the next one of the same bytes, -1: none. */
  readonly sameBytes: Int32Array;
  /** The root's children by byte, 0: none. */
  readonly rootChild: Int32Array;
  /** Whether each byte is a token of its own. */
  readonly hasByte: Uint8Array;
  readonly maxDepth: number;
  /** Control tokens by their text, but for those that end a turn. */
  readonly controlTokens: ReadonlyMap<string, number>;
}

/** Tokens between two turns of the host's event loop: some ten milliseconds. */
const TOKENS_PER_TURN = 16_384;
/** Longer tokens are left out: nothing would be drawn that needs them. */
const MAX_TOKEN_BYTES = 1_024;

/** The bytes of all tokens, one after the other: those of `id` begin at `start[id]`. */
interface TokenBytes {
  readonly bytes: Uint8Array;
  readonly start: Int32Array;
}

/** Other requests have their turn while it is built: a vocabulary of 151k takes some hundred milliseconds. */
export async function buildTokenTrie(vocabulary: Vocabulary): Promise<TokenTrie> {
  const { vocabularySize, endIds } = vocabulary;
  const tokens = await tokenBytes(vocabulary);
  const ids: number[] = [];
  for (let id = 0; id < vocabularySize; id++) if (lengthOf(tokens, id) > 0) ids.push(id);
  const sorted: number[] = [];
  sortByBytes(ids, tokens, 0, sorted);
  await hostTurn();
  const controlTokens = [...vocabulary.controlTokens].filter(([, id]) => !endIds.has(id));
  return {
    ...{ vocabularySize, controlTokens: new Map(controlTokens) },
    ...trieOfSorted(sorted, tokens),
  };
}

/** None for tokens that are left out. */
async function tokenBytes(vocabulary: Vocabulary): Promise<TokenBytes> {
  const { vocabularySize, endIds } = vocabulary;
  const controlIds = new Set(vocabulary.controlTokens.values());
  let bytes: Uint8Array = new Uint8Array(8 * vocabularySize);
  const start = new Int32Array(vocabularySize + 1);
  for (let id = 0; id < vocabularySize; id++) {
    if (id % TOKENS_PER_TURN === TOKENS_PER_TURN - 1) await hostTurn();
    const begin = start[id + 1] = start[id];
    if (controlIds.has(id) || endIds.has(id)) continue;
    const token = vocabulary.bytesOf(id);
    if (token.length > MAX_TOKEN_BYTES) continue;
    if (begin + token.length > bytes.length) {
      const larger = new Uint8Array(2 * bytes.length + token.length);
      larger.set(bytes);
      bytes = larger;
    }
    bytes.set(token, begin);
    start[id + 1] += token.length;
  }
  return { bytes, start };
}

function lengthOf({ start }: TokenBytes, id: number): number {
  return start[id + 1] - start[id];
}

function hostTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Appends the ids in the order of their bytes, which are equal up to `depth`: radix sort, the first byte first. */
function sortByBytes(ids: number[], tokens: TokenBytes, depth: number, sorted: number[]): void {
  if (ids.length < 2) {
    sorted.push(...ids);
    return;
  }
  const byByte: number[][] = [];
  for (const id of ids) {
    if (lengthOf(tokens, id) === depth) sorted.push(id);
    else (byByte[tokens.bytes[tokens.start[id] + depth]] ??= []).push(id);
  }
  byByte.forEach((some) => sortByBytes(some, tokens, depth + 1, sorted));
}

function trieOfSorted(
  ids: readonly number[],
  tokens: TokenBytes,
): Omit<TokenTrie, "vocabularySize" | "controlTokens"> {
  const most = 1 + tokens.start[tokens.start.length - 1];
  const byte = new Uint8Array(most);
  const depth = new Uint16Array(most);
  const end = new Int32Array(most);
  const token = new Int32Array(most).fill(-1);
  const sameBytes = new Int32Array(tokens.start.length - 1).fill(-1);
  const rootChild = new Int32Array(256);
  const hasByte = new Uint8Array(256);
  let count = 1;
  let maxDepth = 0;
  const path = [0];
  let last: Uint8Array = new Uint8Array(0);
  for (const id of ids) {
    const text = tokens.bytes.subarray(tokens.start[id], tokens.start[id + 1]);
    let shared = 0;
    while (shared < last.length && last[shared] === text[shared]) shared++;
    while (path.length > shared + 1) end[path.pop() as number] = count;
    for (let at = shared; at < text.length; at++) {
      byte[count] = text[at];
      depth[count] = at + 1;
      if (at === 0) rootChild[text[0]] = count;
      path.push(count++);
    }
    const node = path[path.length - 1];
    sameBytes[id] = token[node];
    token[node] = id;
    if (text.length === 1) hasByte[text[0]] = 1;
    maxDepth = Math.max(maxDepth, text.length);
    last = text;
  }
  for (const node of path) end[node] = count;
  return {
    byte: byte.slice(0, count),
    depth: depth.slice(0, count),
    end: end.slice(0, count),
    token: token.slice(0, count),
    ...{ sameBytes, rootChild, hasByte, maxDepth },
  };
}

/** The bytes as tokens, the longest first; each byte must be a token of its own. */
export function tokensOfBytes(trie: TokenTrie, bytes: readonly number[]): number[] {
  const ids: number[] = [];
  for (let begin = 0; begin < bytes.length;) {
    let node = trie.rootChild[bytes[begin]];
    let best = node;
    for (let at = begin + 1; at < bytes.length && node > 0; at++) {
      node = childOf(trie, node, bytes[at]);
      if (node > 0 && trie.token[node] >= 0) best = node;
    }
    ids.push(trie.token[best]);
    begin += trie.depth[best];
  }
  return ids;
}

/** 0: there is none. */
function childOf(trie: TokenTrie, node: number, byte: number): number {
  for (let child = node + 1; child < trie.end[node]; child = trie.end[child]) {
    if (trie.byte[child] === byte) return child;
  }
  return 0;
}
