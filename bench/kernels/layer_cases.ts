/** The float ops of a layer as cases, in SmolLM2-135M's sizes. Their rows stay in caches, as they do in a model. */
import type { BenchCore } from "./bench_core.ts";
import type { KernelCase, Prepared } from "./kernel_case.ts";
import { randomFloats } from "./random_rows.ts";

/** Sizes of SmolLM2-135M (its published config.json). */
const WIDTH = 576;
const HIDDEN = 1536;
const HEADS = 9;
const HEAD_SIZE = 64;
const VOCABULARY = 49_152;
const EPSILON = 1e-5;
const SEED = 2;

type Run = (place: { x: number; y: number; out: number }, core: BenchCore) => number;

interface Sizes {
  readonly rows: number;
  readonly cols: number;
  /** Bytes read and written for each of `cols`. */
  readonly bytes: number;
  /** Numbers written; else as many as in a row, in each. */
  readonly written?: number;
}

/** A kernel over rows of `cols` numbers, from x or from x and y. */
function rowsCase(
  kernel: string,
  { rows, cols, bytes, written = rows * cols }: Sizes,
  run: Run,
): KernelCase {
  const count = rows * cols;
  return {
    ...{ kernel, shape: `${cols}`, rows, macs: 0, bytes: bytes * count },
    prepare: (core): Prepared => {
      const [x, y] = [SEED, SEED + 1].map((seed) => core.place(randomFloats(count, seed)));
      const place = { x, y, out: core.room(8 * count) };
      const output = () => core.read(place.out, written);
      return { copies: 1, run: () => run(place, core), output };
    },
  };
}

/** The kernels between the products. */
export function layerCases(rows: number): KernelCase[] {
  const half = HEAD_SIZE / 2;
  const quantize = (cols: number): KernelCase => {
    const sizes = { rows, cols, bytes: 5, written: rows * cols / 4 };
    return rowsCase(
      "quantize_rows",
      sizes,
      ({ x, out }, { exports }) => exports.quantize_rows(x, out, rows, cols),
    );
  };
  return [
    quantize(WIDTH),
    quantize(HIDDEN),
    rowsCase(
      "rms_norm",
      { rows, cols: WIDTH, bytes: 8 },
      ({ x, y, out }, { exports }) => exports.rms_norm(x, y, out, rows, WIDTH, EPSILON),
    ),
    rowsCase(
      "rope",
      { rows, cols: WIDTH, bytes: 8 },
      ({ x, y, out }, { exports }) => exports.rope(x, y, out, rows, HEADS, HEAD_SIZE, half, 0, 0),
    ),
    rowsCase(
      "swiglu",
      { rows, cols: HIDDEN, bytes: 12 },
      ({ x, y, out }, { exports }) => exports.swiglu(x, y, out, rows * HIDDEN),
    ),
    rowsCase(
      "add",
      { rows, cols: WIDTH, bytes: 12 },
      ({ x, y, out }, { exports }) => exports.add(x, y, out, rows * WIDTH),
    ),
  ];
}

/** Logits to a token and its log-probability, one row: a decoded token's last step. */
export function headCases(): KernelCase[] {
  const sizes = { rows: 1, cols: VOCABULARY, bytes: 4 };
  const draw = (name: string, temperature: number, topP: number): KernelCase =>
    rowsCase(
      name,
      { ...sizes, written: 0 },
      ({ x }, { exports }) => exports.draw(x, VOCABULARY, 0, temperature, 0, topP, 0, 1, 2, 0, 3),
    );
  return [
    draw("draw greedy", 0, 1),
    draw("draw T 0.6 top-p 0.95", 0.6, 0.95),
    rowsCase(
      "best_logprobs",
      { ...sizes, written: 1 },
      ({ x, y, out }, { exports }) => exports.best_logprobs(x, VOCABULARY, 7, 0, y, out),
    ),
  ];
}
