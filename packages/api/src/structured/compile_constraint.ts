/** From what a text must be to masks over a vocabulary. Knows no model: the runtime draws the tokens. */
import type { TokenConstraint, Tokenizer } from "@aha/runtime";
import { checkNesting } from "./check_nesting.ts";
import { closingTokens } from "./automaton/closing.ts";
import { NEVER } from "./automaton/completion_costs.ts";
import { Machine, type State } from "./automaton/machine.ts";
import { maskWords, TokenMasks } from "./automaton/token_masks.ts";
import { buildTokenTrie, type TokenTrie } from "./automaton/token_trie.ts";
import type { ConstraintSpec } from "./constraint_spec.ts";
import { firstField, grammarOfSpec } from "./grammar_of_spec.ts";
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

const MAX_COMPILED = 8;
const MAX_SPEC_CHARACTERS = 1_000_000;

const caches = new WeakMap<Tokenizer, VocabularyCache>();

/**
 * Makes masks for a spec, kept for as long as the tokenizer is, the latest 8. The first call for a tokenizer sorts its
 * vocabulary. Rejects with an UnsupportedSchemaError that names the JSON pointer of what cannot be held.
 *
 * Schemas may have: `type` (also lists), `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`,
 * `prefixItems`, `minItems`, `maxItems`, `pattern`, `format`, `minLength`, `maxLength`, bounds of numbers and `multipleOf`,
 * `anyOf`, `allOf`, `oneOf` of schemas that are plainly apart, `$ref` within the document, also to themselves. Properties
 * come in the schema's order; with `properties` and no `additionalProperties` there are no others. Between tokens of JSON
 * there may be a space or a line end with an indent, before the first two characters of whitespace.
 *
 * Our own because @mlc-ai/web-xgrammar 0.1.27 fails named needs, measured with Qwen3's vocabulary of 151k on 2 shared
 * cores. Its module is CommonJS named as ESM: neither Deno 2.9 nor Node 22 imports it. Loaded by hand, a schema of 6
 * properties takes 340 to 380 ms to compile (needed: 100; this one: 40 to 90) and 75 MB of memory (this one: 4 MB, and 4
 * for the vocabulary), and masks 0.03 ms at the median (this one: 0.01 when warm, 0.1 where a schema runs first). It
 * cannot say how to close a text, takes any character for the point of `minimum: 0.5`, ignores `multipleOf` and an
 * `allOf` of several schemas, and lets raw control characters into strings with `maxLength`.
 *
 * ```ts
 * import { createTokenizer, stringList } from "@aha/runtime/tokenizer";
 * import { compileConstraint } from "@aha/api/structured";
 * const tokenizer = createTokenizer({
 *   model: "gpt2",
 *   pre: "smollm",
 *   tokens: stringList(["t", "r", "u", "e", "true"]),
 *   merges: stringList([]),
 *   types: new Int32Array(5).fill(1),
 * });
 * const spec = { kind: "schema", schema: { const: true } } as const;
 * const constraint = (await compileConstraint(spec, tokenizer)).start();
 * constraint.allowed(); // bits 0 and 4: "t" and "true"
 * constraint.accept(0);
 * constraint.closing(); // [1, 2, 3]
 * ```
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
      firstField(spec),
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
    const reason = "No short text of the model's tokens holds to it";
    throw new UnsupportedSchemaError(reason, "", firstField(spec));
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
    this.#state = this.#after(id);
  }

  closing(after?: number): readonly number[] {
    const state = after === undefined ? this.#state : this.#after(after);
    if (this.#closed !== state) {
      const { machine, trie } = this.#parts;
      this.#closing = state.isEnd ? [] : closingTokens(machine, trie, state);
      this.#closed = state;
    }
    return this.#closing;
  }

  #after(id: number): State {
    const { tokenizer, machine, controlIds } = this.#parts;
    let state: State | null = this.#state;
    if (tokenizer.endIds.has(id)) return state;
    if (controlIds.has(id)) state = machine.stepToken(state, id);
    else for (const byte of tokenizer.bytesOf(id)) state = state && machine.step(state, byte);
    if (!state) throw new RangeError(`Token ${id} is not allowed here by the constraint`);
    return state;
  }
}
