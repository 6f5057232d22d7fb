/** Which sequences go together into a batch. Cuts none and mixes none: attention never leaves a sequence, packed or not. */

/** How sequences become batches. */
export interface PackingOptions {
  /** Packs, or sequences where there is no packing, of a batch. */
  readonly batchSize: number;
  /** Most tokens of a pack; without it every sequence is one of its own. */
  readonly packTokens?: number;
}

/**
 * Batches of sequences, given by their lengths, as lists of their numbers. With packs, best-fit decreasing (Ding et al.
 * 2404.10830; TRL's `bfd`): long sequences first, each into the fullest pack that has room. The order of packs is that of
 * their first sequences.
 * @throws {RangeError} naming a sequence that is longer than a pack
 */
export function packedBatches(lengths: readonly number[], options: PackingOptions): number[][] {
  const { batchSize, packTokens } = options;
  const packs = packTokens === undefined
    ? lengths.map((_, i) => [i])
    : bestFit(lengths, packTokens);
  return Array.from(
    { length: Math.ceil(packs.length / batchSize) },
    (_, i) => packs.slice(i * batchSize, (i + 1) * batchSize).flat(),
  );
}

interface Pack {
  readonly members: number[];
  room: number;
}

function bestFit(lengths: readonly number[], packTokens: number): number[][] {
  const long = lengths.findIndex((length) => length > packTokens);
  if (long >= 0) {
    throw new RangeError(
      `Sequence ${long} has ${lengths[long]} tokens, more than max_length ${packTokens}`,
    );
  }
  const packs: Pack[] = [];
  /** Packs by the room they have, so that the fullest one with room is found without looking at all. */
  const byRoom: Pack[][] = Array.from({ length: packTokens + 1 }, () => []);
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b] - lengths[a] || a - b);
  for (const i of order) {
    let room = lengths[i];
    while (room <= packTokens && byRoom[room].length === 0) room++;
    const pack = room <= packTokens
      ? byRoom[room].pop() as Pack
      : { members: [], room: packTokens };
    if (pack.members.length === 0) packs.push(pack);
    pack.members.push(i);
    pack.room -= lengths[i];
    byRoom[pack.room].push(pack);
  }
  for (const { members } of packs) members.sort((a, b) => a - b);
  return packs.map(({ members }) => members).sort(([a], [b]) => a - b);
}

/** A stream of token ids cut into sequences that all count: `length` tokens each, the rest left over. */
export function streamSequences(ids: Int32Array, length: number): Int32Array[] {
  if (!(Number.isInteger(length) && length >= 2)) {
    throw new RangeError(`max_length is ${length}, it must be a whole number of at least 2`);
  }
  return Array.from(
    { length: Math.floor(ids.length / length) },
    (_, i) => ids.subarray(i * length, (i + 1) * length),
  );
}
