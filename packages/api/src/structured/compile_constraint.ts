/** From what a text must be to masks over a vocabulary. Knows no model: the runtime draws the tokens. */
import type { TokenConstraint, Tokenizer } from "@aha/runtime";
import { checkNesting } from "./check_nesting.ts";
import { closingTokens } from "./automaton/closing.ts";
import { NEVER } from "./automaton/completion_costs.ts";
import { Machine, type State } from "./automaton/machine.ts";
import { maskWords, TokenMasks } from "./automaton/token_masks.ts";
import { buildTokenTrie, type TokenTrie } from "./automaton/token_trie.ts";
import type { ConstraintSpec } from "./constraint_spec.ts";
import { grammarOfSpec } from "./grammar_of_spec.ts";
import { UnsupportedSchemaError } from "./unsupported_schema_error.ts";

/** A spec for one vocabulary; any number of answers may share it. */
export interface CompiledConstraint {
  /** For one answer. */
  start(): TokenConstraint;
}

/** What is kept of a tokenizer. */
interface VocabularyCache {
  readonly trie: Promise<TokenTrie>;
  /** By the text of the spec; the oldest first. */
  readonly compiled: Map<string, Promise<CompiledConstraint>>;
}

const MAX_COMPILED = 16;
const MAX_SPEC_CHARACTERS = 1_000_000;

const caches = new WeakMap<Tokenizer, VocabularyCache>();

/**
 * Makes masks for a spec, kept for as long as the tokenizer is, the latest 16. The first call for a tokenizer sorts its
 * vocabulary. Rejects with an UnsupportedSchemaError where the spec cannot be held.
 */
export async function compileConstraint(
  spec: ConstraintSpec,
  tokenizer: Tokenizer,
): Promise<CompiledConstraint> {
  const text = specText(spec);
  let cache = caches.get(tokenizer);
  if (!cache) {
    cache = { trie: buildTokenTrie(tokenizer), compiled: new Map() };
    caches.set(tokenizer, cache);
  }
  const { compiled, trie } = cache;
  const known = compiled.get(text);
  compiled.delete(text);
  const promise = known ?? trie.then((built) => compile(spec, tokenizer, built));
  compiled.set(text, promise);
  const [oldest] = compiled.keys();
  if (compiled.size > MAX_COMPILED) compiled.delete(oldest);
  return await promise;
}

function specText(spec: ConstraintSpec): string {
  checkNesting(spec);
  const text = JSON.stringify(spec, (_, value) => value === Infinity ? "Infinity" : value);
  if (text.length > MAX_SPEC_CHARACTERS) {
    throw new UnsupportedSchemaError(
      `The constraint has more than ${MAX_SPEC_CHARACTERS} characters`,
      "",
    );
  }
  return text;
}

function compile(
  spec: ConstraintSpec,
  tokenizer: Tokenizer,
  trie: TokenTrie,
): CompiledConstraint {
  const { grammar, main } = grammarOfSpec(spec, trie.controlTokens);
  const machine = new Machine(grammar, trie.hasByte);
  if (machine.costs.node[main.start] >= NEVER) {
    throw new UnsupportedSchemaError("No short text of the model's tokens holds to it", "");
  }
  const start = machine.stateOf([{ node: main.start, context: machine.outermost(main) }]);
  const controlIds = new Set(tokenizer.controlTokens.values());
  const masks = new TokenMasks(machine, trie);
  const parts = { tokenizer, trie, controlIds, machine, masks };
  return { start: () => new GrammarConstraint(parts, start) };
}

/** What the answers of a spec share. */
interface CompiledParts {
  readonly tokenizer: Tokenizer;
  readonly trie: TokenTrie;
  readonly controlIds: ReadonlySet<number>;
  readonly machine: Machine;
  readonly masks: TokenMasks;
}

/** Where one answer stands. */
class GrammarConstraint implements TokenConstraint {
  readonly #parts: CompiledParts;
  readonly #mask: Uint32Array;
  #state: State;
  /** Of which states mask and closing are. */
  #masked: State | undefined;
  #closed: State | undefined;
  #closing: readonly number[] = [];

  constructor(parts: CompiledParts, start: State) {
    this.#parts = parts;
    this.#state = start;
    this.#mask = new Uint32Array(maskWords(parts.trie));
  }

  get mayEnd(): boolean {
    return this.#state.isEnd;
  }

  get isComplete(): boolean {
    const { isEnd, bytes, tokens } = this.#state;
    return isEnd && tokens.length === 0 && bytes.every((bits) => bits === 0);
  }

  allowed(): Uint32Array {
    if (this.#masked !== this.#state) this.#parts.masks.fill(this.#mask, this.#state);
    this.#masked = this.#state;
    return this.#mask;
  }

  accept(id: number): void {
    const { tokenizer, machine, controlIds } = this.#parts;
    if (tokenizer.endIds.has(id)) return;
    let state: State | null = this.#state;
    if (controlIds.has(id)) state = machine.stepToken(state, id);
    else for (const byte of tokenizer.bytesOf(id)) state = state && machine.step(state, byte);
    if (!state) throw new RangeError(`Token ${id} is not allowed here by the constraint`);
    this.#state = state;
  }

  closing(): readonly number[] {
    const { machine, trie } = this.#parts;
    if (this.#closed !== this.#state) {
      this.#closing = this.#state.isEnd ? [] : closingTokens(machine, trie, this.#state);
      this.#closed = this.#state;
    }
    return this.#closing;
  }
}
