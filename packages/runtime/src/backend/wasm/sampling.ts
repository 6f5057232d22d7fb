/** Draws from rows of logits on wasm: lays out what the core reads and takes its answers. Holds no arithmetic. */
import { type Draw, type Drawn, NOT_FINITE, type RowDraws, type TokenLogprob } from "../../ops.ts";
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

/** Words of `RowDraws.keys` for a row, and of the core's record of it, which has the forced id besides. */
export const KEY_WORDS = 4;
const ROW_WORDS = KEY_WORDS + 1;
/** Stands for no forced id. */
const DRAWN = -1;

/** `Ops.drawRows`; what it takes from the arena is the caller's to free. */
export function drawEachRow(
  core: CoreExports,
  memory: WasmMemory,
  arena: Arena,
  logits: Tensor,
  { temperature, topK, topP, minP, allowed, keys, forced }: RowDraws,
): Drawn {
  const [rows, vocabulary] = logits.shape;
  const at = arena.allocate(4 * ROW_WORDS * rows);
  const words = memory.u32(at, ROW_WORDS * rows);
  for (let row = 0, from = 0, to = 0; row < rows; row++) {
    for (let word = 0; word < KEY_WORDS; word++) words[to++] = keys[from++];
    words[to++] = forced ? forced[row] : DRAWN;
  }
  const adjustment = placeAdjustment(memory, arena, { allowed });
  const [ids, logprobs] = [arena.allocate(4 * rows), arena.allocate(4 * rows)];
  const status = core.draw_rows(
    ...[addressOf(logits), rows, vocabulary, at, adjustment] as const,
    ...[temperature, topK, topP, minP, ids, logprobs] as const,
  );
  if (status !== 0) {
    throw new RangeError(
      `The mask, or an id that is forced, does not fit the vocabulary of ${vocabulary}`,
    );
  }
  return { ids: memory.i32(ids, rows).slice(), logprobs: memory.f32(logprobs, rows).slice() };
}

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
  const adjustment = placeAdjustment(memory, arena, draw);
  const id = core.draw(
    ...[row, vocabulary, adjustment, temperature, topK, topP, minP] as const,
    ...[seed[0], seed[1], choice, position] as const,
  );
  if (id !== UNKNOWN_ID) return id;
  throw new RangeError(
    `The mask, the bias or a penalty for position ${position} does not fit the vocabulary of ${vocabulary}`,
  );
}

/** The address of what changes a row, if anything does. */
function placeAdjustment(memory: WasmMemory, arena: Arena, changes: Changes): number {
  const record = adjustmentRecord(changes);
  if (!record) return NO_ADJUSTMENT;
  const address = arena.allocate(4 * record.length);
  memory.u32(address, record.length).set(record);
  return address;
}

/** The part of a draw that changes logits. */
type Changes = Pick<Draw, "allowed" | "bias" | "penalties">;

const NO_COUNTS: ReadonlyMap<number, number> = new Map();
const NO_MASK = new Uint32Array();

/** The words of the core's record (see `adjustment_at` in abi/sampling.rs); undefined where nothing is changed. */
export function adjustmentRecord(
  { allowed = NO_MASK, bias = NO_COUNTS, penalties }: Changes,
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
