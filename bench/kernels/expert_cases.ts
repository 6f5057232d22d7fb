/** `experts` as cases: a mixture of DeepSeek-V2-Lite's counts in small matrices, all rows in one call or one row a call. */
import { seededRandom } from "../../tests/support/seeded_random.ts";
import type { BenchCore } from "./bench_core.ts";
import type { KernelCase, Prepared } from "./kernel_case.ts";
import { fillWeights, fits, MAX_STREAMED_ROWS } from "./linear_cases.ts";
import { packedType, randomFloats } from "./random_rows.ts";

const EXPERTS = 64;
const USED = 6;
const WIDTH = 512;
const HIDDEN = 256;
const SEED = 3;

/** Which experts the rows of each call go to: `[rows * USED]` ids, ascending in each row. */
function routings(rows: number, count: number): Int32Array[] {
  const random = seededRandom(SEED);
  return Array.from({ length: count }, () => {
    const ids = Array.from({ length: rows }, () => {
      const row = new Set<number>();
      while (row.size < USED) row.add(random(EXPERTS));
      return [...row].sort((a, b) => a - b);
    });
    return Int32Array.from(ids.flat());
  });
}

/** Cases of a format; with many rows also the same rows one a call, which is what grouping them is compared with. */
export function expertCases(format: string, rows: number, setBytes: number): KernelCase[] {
  if (!fits(format, { cols: WIDTH, outputs: HIDDEN })) return [];
  const { blockSize, blockBytes } = packedType(format);
  const expertBytes = (3 * WIDTH * HIDDEN / blockSize) * blockBytes;
  const banks = Math.ceil(setBytes / (EXPERTS * expertBytes));
  // Calls of few rows touch few experts: so many calls go by before one meets what it has read again.
  const calls = banks * Math.ceil(EXPERTS / Math.min(EXPERTS, USED * rows));
  const routes = routings(rows, calls);
  const touched = routes.reduce((sum, ids) => sum + new Set(ids).size, 0) / calls;
  const shape = `${USED}/${EXPERTS} ${WIDTH}x${HIDDEN}`;
  const facts = { shape, rows, macs: rows * USED * 3 * WIDTH * HIDDEN };
  const grouped: KernelCase = {
    ...{ ...facts, kernel: `experts ${format}`, bytes: touched * expertBytes },
    prepare: (core) => prepare(core, format, routes, rows, rows, banks),
  };
  if (rows <= MAX_STREAMED_ROWS) return [grouped];
  return [grouped, {
    ...{ ...facts, kernel: `experts ${format} 1 by 1`, bytes: rows * USED * expertBytes },
    prepare: (core) => prepare(core, format, routes, rows, 1, banks),
  }];
}

/** A mixture over `rows` rows, `step` a call of the core; each call goes to another bank, as a token does from layer to layer. */
function prepare(
  core: BenchCore,
  format: string,
  routes: readonly Int32Array[],
  rows: number,
  step: number,
  banks: number,
): Prepared {
  const { exports } = core;
  const { id, quantized } = packedType(format);
  const matrix = exports.packed_bytes(id, EXPERTS * HIDDEN, WIDTH);
  const packed = core.room(3 * banks * matrix);
  // Gate and up have rows of WIDTH columns, down of HIDDEN.
  for (let at = 0; at < 3 * banks; at++) {
    fillWeights(core, format, at % 3 < 2 ? WIDTH : HIDDEN, packed + at * matrix, matrix);
  }
  const lists = Array.from({ length: banks }, (_, bank) => {
    const places = [0, 1, 2].map((which) => packed + (3 * bank + which) * matrix);
    return core.place(Int32Array.from(places.flatMap((place) => [id, place])));
  });
  const x = core.place(randomFloats(rows * WIDTH, SEED));
  const actRow = exports.activation_bytes(1, WIDTH);
  const act = core.room(rows * actRow);
  if (quantized) exports.quantize_rows(x, act, rows, WIDTH);
  const ids = routes.map((ids) => core.place(ids));
  const weights = core.place(new Float32Array(rows * USED).fill(1 / USED));
  const out = core.room(4 * rows * WIDTH);
  const room = core.room(exports.experts_room(lists[0], step, USED, WIDTH, HIDDEN, 0));
  return {
    copies: routes.length,
    run: (copy) => {
      let status = 0;
      for (let row = 0, bank = copy; row < rows; row += step, bank++) {
        const slots = 4 * row * USED;
        status ||= exports.experts(
          ...[lists[bank % banks], x + 4 * row * WIDTH, act + row * actRow] as const,
          ...[ids[copy] + slots, weights + slots, room, out + 4 * row * WIDTH] as const,
          ...[step, USED, EXPERTS, WIDTH, HIDDEN, 0] as const,
        );
      }
      return status;
    },
    output: () => core.read(out, rows * WIDTH),
  };
}
