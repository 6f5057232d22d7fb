/** Draws from rows of logits on wasm: lays out what the core reads and takes its answers. Holds no arithmetic. */
import { type Draw, type Drawn, NOT_FINITE, type TokenLogprob } from "../../ops.ts";
import type { Tensor } from "../../tensor.ts";
import type { Arena } from "./arena.ts";
import type { CoreExports } from "./core.ts";
import type { WasmMemory } from "./memory.ts";
import { addressOf } from "./storage.ts";

/** The core's address for a missing adjustment. */
const NO_ADJUSTMENT = 0;
/** Words of an adjustment before its lists: their lengths, and the penalties. */
const HEAD_WORDS = 7;
/** The core's answer instead of an id when the adjustment does not fit the vocabulary. */
const UNKNOWN_ID = -3;

/** `Ops.sample`, whose `NOT_FINITE` and `NONE_LEFT` are the core's own answers; what it takes from the arena is the caller's to free. */
export function sampleRows(
  core: CoreExports,
  memory: WasmMemory,
  arena: Arena,
  logits: Tensor,
  draws: readonly Draw[],
): Drawn {
  const vocabulary = logits.shape[1];
  const ids = new Int32Array(draws.length);
  const logprobs = new Float32Array(draws.length);
  const alternatives: TokenLogprob[][] = [];
  draws.forEach((draw, row) => {
    const at = addressOf(logits) + 4 * row * vocabulary;
    const id = draw.forced ?? drawRow(core, memory, arena, at, vocabulary, draw);
    const count = Math.min(draw.alternatives ?? 0, vocabulary);
    const best = arena.allocate(4 * count);
    const values = arena.allocate(4 * (1 + count));
    const isDrawn = id >= 0 && core.best_logprobs(at, vocabulary, id, count, best, values) === 0;
    const [own, ...others] = isDrawn ? memory.f32(values, 1 + count) : [NaN];
    ids[row] = id >= 0 && !Number.isFinite(own) ? NOT_FINITE : id;
    logprobs[row] = own;
    const bestIds = memory.i32(best, count);
    alternatives.push(others.map((logprob, i) => ({ id: bestIds[i], logprob })));
  });
  const asked = draws.some((draw) => draw.alternatives);
  return asked ? { ids, logprobs, alternatives } : { ids, logprobs };
}

function drawRow(
  core: CoreExports,
  memory: WasmMemory,
  arena: Arena,
  row: number,
  vocabulary: number,
  draw: Draw,
): number {
  const { temperature, topK, topP, minP, seed, choice, position } = draw;
  const record = adjustmentRecord(draw);
  const adjustment = record ? arena.allocate(4 * record.length) : NO_ADJUSTMENT;
  if (record) memory.u32(adjustment, record.length).set(record);
  const id = core.draw(
    ...[row, vocabulary, adjustment, temperature, topK, topP, minP] as const,
    ...[seed[0], seed[1], choice, position] as const,
  );
  if (id !== UNKNOWN_ID) return id;
  throw new RangeError(
    `The mask, the bias or a penalty for position ${position} does not fit the vocabulary of ${vocabulary}`,
  );
}

const NO_COUNTS: ReadonlyMap<number, number> = new Map();
const NO_MASK = new Uint32Array();

/** The words of the core's record (see `adjustment_at` in abi/sampling.rs); undefined where nothing is changed. */
export function adjustmentRecord(
  { allowed = NO_MASK, bias = NO_COUNTS, penalties }: Draw,
): Uint32Array | undefined {
  const { repeat = 1, presence = 0, frequency = 0 } = penalties ?? {};
  const recent = repeat === 1 ? NO_COUNTS : penalties?.recent ?? NO_COUNTS;
  const counts = presence === 0 && frequency === 0 ? NO_COUNTS : penalties?.answered ?? NO_COUNTS;
  const length = allowed.length + 2 * bias.size + recent.size + 2 * counts.size;
  if (length === 0) return undefined;
  const words = new Uint32Array(HEAD_WORDS + length);
  const floats = new Float32Array(words.buffer);
  words.set([allowed.length, bias.size, recent.size, counts.size]);
  floats.set([repeat, presence, frequency], 4);
  words.set(allowed, HEAD_WORDS);
  let at = HEAD_WORDS + allowed.length;
  for (const id of bias.keys()) words[at++] = id;
  for (const value of bias.values()) floats[at++] = value;
  for (const part of [recent.keys(), counts.keys(), counts.values()]) {
    for (const word of part) words[at++] = word;
  }
  return words;
}
