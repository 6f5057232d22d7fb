/** Guesses tokens by the layer for multi-token prediction (DeepSeek-V3 2412.19437, section 2.2), for many sequences at once.
 * Decides not how many, checks none. */
import { makeBatch } from "../../batch.ts";
import { MemoryError } from "../../errors.ts";
import type { CachedSequence, KvCache } from "../../kv_cache.ts";
import type { LanguageModel, MultiToken } from "../../model/language_model.ts";
import type { Draw, Ops } from "../../ops.ts";

/** Where to go on from. */
export interface GuessFrom {
  readonly sequence: CachedSequence;
  /** The state `[C]` of the last token that the sequence holds. */
  readonly state: Float32Array;
  /** The token after it. */
  readonly id: number;
  /** Tokens to guess after that one; with 0 the layer makes its keys all the same. */
  readonly most: number;
  /** The draw that the model itself will make after these tokens; the guess is made by the same. */
  readonly drawAfter: (ids: readonly number[]) => Draw;
  /** False once the sequence has ended. */
  readonly isOpen: () => boolean;
}

/** One sequence on its way. */
interface Chain {
  readonly from: GuessFrom;
  readonly length: number;
  readonly guesses: number[];
  state: Float32Array;
}

/**
 * Writes the layer's keys at each sequence's last token and gives at most `most` tokens that may follow after `id`. The
 * layer goes on from its own guesses and states, over keys that are written again when the tokens are fed; where there is
 * no page for them, it stops. The sequences are left as long as they were.
 */
export async function guessTokens(
  { multiToken }: LanguageModel,
  ops: Ops,
  cache: KvCache,
  wanted: readonly GuessFrom[],
): Promise<readonly (readonly number[])[]> {
  const chains = wanted.map((from): Chain => {
    return { from, length: from.sequence.length, guesses: [], state: from.state };
  });
  let going: Chain[] = chains;
  for (let depth = 0; multiToken && going.length > 0; depth++) {
    await guessOnce(multiToken, ops, cache, going);
    going = going.filter(({ from, guesses }) =>
      depth < guesses.length && guesses.length < from.most && from.isOpen() &&
      hasRoom(cache, from.sequence)
    );
  }
  for (const { from, length } of chains) {
    if (from.isOpen()) cache.truncate(from.sequence, length);
  }
  return chains.map(({ guesses }) => guesses);
}

/** One more token of each; closes its scope before anything is awaited. */
async function guessOnce(
  multiToken: MultiToken,
  ops: Ops,
  cache: KvCache,
  chains: readonly Chain[],
): Promise<void> {
  const guessing = chains.filter(({ from }) => from.most > 0);
  const [drawn, states] = await Promise.all(enqueue(multiToken, ops, cache, chains, guessing));
  if (!drawn || !states) return;
  const width = states.length / guessing.length;
  for (const [row, chain] of guessing.entries()) {
    const id = drawn.ids[row];
    chain.state = states.subarray(row * width, (row + 1) * width);
    if (id >= 0) chain.guesses.push(id);
  }
}

function enqueue(
  multiToken: MultiToken,
  ops: Ops,
  cache: KvCache,
  chains: readonly Chain[],
  guessing: readonly Chain[],
) {
  const { batch, ids } = makeBatch(chains.map(({ from: { sequence, id }, length, guesses }) => ({
    sequence,
    ids: [guesses.at(-1) ?? id],
    firstPosition: length - 1 + guesses.length,
  })));
  using _step = ops.scope();
  const width = chains[0].state.length;
  const values = new Float32Array(chains.length * width);
  chains.forEach(({ state }, row) => values.set(state, row * width));
  const given = ops.tensor(values, [chains.length, width]);
  const out = multiToken.forward({ ops, batch, cache }, given, ids);
  if (guessing.length === 0) return [undefined, undefined] as const;
  const own = ops.selectRows(out, guessing.map((chain) => chains.indexOf(chain)));
  const draws = guessing.map(({ from, guesses }) => from.drawAfter([from.id, ...guesses]));
  const drawn = ops.sample(ops.linear(own, multiToken.head), draws);
  return [drawn, ops.read(own)] as const;
}

/** Room for one more token, if there is a page. */
function hasRoom(cache: KvCache, sequence: CachedSequence): boolean {
  try {
    cache.extend(sequence, 1);
    return true;
  } catch (error) {
    if (error instanceof MemoryError) return false;
    throw error;
  }
}
