/** Backward passes against finite differences of their forwards, and the bits of batches in parts. Knows no op. */
import { assert, assertEquals } from "@std/assert";
import type {
  Gradient,
  GradOps,
  TrainableBackend,
} from "../../packages/runtime/src/backend/grad_ops.ts";
import {
  createWasmBackend,
  type WasmBackendOptions,
} from "../../packages/runtime/src/backend/wasm/backend.ts";
import { VARIANTS } from "../../packages/runtime/src/backend/wasm/core.ts";
import type { Ops } from "../../packages/runtime/src/ops.ts";
import { elementCount, type Tensor, type Weight } from "../../packages/runtime/src/tensor.ts";
import { numbers } from "./core_pages.ts";
import { FINITE_DIFFERENCE } from "./tolerance.ts";

/** What an op takes: an activation `[rows, width]`, of which a part of the rows may be taken, or a parameter. */
export interface Input {
  readonly kind: "rows" | "weight" | "vector";
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** Matrices of a bank. */
  readonly matrices?: number;
}

/** Rows of the whole batch that are run. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/** Inputs on a backend, by name. */
export interface Made {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly weights: Readonly<Record<string, Weight>>;
  readonly gradients: Readonly<Record<string, Gradient>>;
}

/** An op and its backward pass. */
export interface GradientCase {
  readonly rows: number;
  readonly inputs: Readonly<Record<string, Input>>;
  forward(ops: Ops, made: Made, part: Part): Tensor;
  /** The gradients by activations; those of parameters go into `made.gradients`. */
  backward(
    grad: GradOps,
    d: Tensor,
    made: Made,
    part: Part,
    ops: Ops,
  ): Readonly<Record<string, Tensor>>;
}

/** An activation of seeded numbers up to `size`. */
export function rowsOf(rows: number, width: number, seed: number, size = 1): Input {
  return { kind: "rows", shape: [rows, width], values: numbers(rows * width, size, seed) };
}

/** A weight, or a bank. */
export function weightOf(rows: number, cols: number, seed: number, matrices = 1): Input {
  return { kind: "weight", shape: [rows, cols], values: numbers(rows * cols, 1, seed), matrices };
}

/** Numbers by which results are weighed: a loss is their sum, its gradient by the results these. */
const WEIGHING_SEED = 99;
const STEP = 1 / 64;

async function withBackend<T>(
  options: WasmBackendOptions,
  run: (backend: TrainableBackend) => Promise<T>,
): Promise<T> {
  const backend = await createWasmBackend({ maxBytes: 512 << 20, ...options });
  try {
    return await run(backend);
  } finally {
    await backend.close();
  }
}

/** Parameters and their gradients, which outlive scopes. */
function makeParameters({ grad }: TrainableBackend, { inputs }: GradientCase) {
  const weights: Record<string, Weight> = {};
  const tensors: Record<string, Tensor> = {};
  const gradients: Record<string, Gradient> = {};
  for (const [name, { kind, shape, values, matrices }] of Object.entries(inputs)) {
    if (kind === "rows") continue;
    if (kind === "vector") tensors[name] = grad.createVector(values);
    else weights[name] = grad.createWeight(name, shape[0], shape[1], values, matrices);
    gradients[name] = grad.createGradient(weights[name] ?? tensors[name]);
  }
  return { weights, tensors, gradients };
}

/** The rows of a part, within the innermost scope. */
function makeRows(ops: Ops, { inputs }: GradientCase, { start, end }: Part) {
  const made: Record<string, Tensor> = {};
  for (const [name, { kind, shape: [, width], values }] of Object.entries(inputs)) {
    if (kind !== "rows") continue;
    made[name] = ops.tensor(values.slice(start * width, end * width), [end - start, width]);
  }
  return made;
}

/** All gradients, of activations row by row and of parameters, over parts one after the other. */
async function gradientsOf(
  backend: TrainableBackend,
  of: GradientCase,
  parts: readonly Part[],
): Promise<Record<string, number[]>> {
  const { ops, grad } = backend;
  const parameters = makeParameters(backend, of);
  const out: Record<string, number[]> = {};
  for (const part of parts) {
    const reading: [string, Promise<Float32Array>][] = (() => {
      using _pass = ops.scope();
      const tensors = { ...parameters.tensors, ...makeRows(ops, of, part) };
      const made = { ...parameters, tensors };
      const { shape } = of.forward(ops, made, part);
      const count = elementCount(shape);
      const first = part.start * count / (part.end - part.start);
      const d = numbers(first + count, 1, WEIGHING_SEED).slice(first);
      const results = of.backward(grad, ops.tensor(d, shape), made, part, ops);
      return Object.entries(results).map(([name, tensor]) => [name, ops.read(tensor)]);
    })();
    for (const [name, values] of reading) out[name] = [...out[name] ?? [], ...await values];
  }
  for (const [name, gradient] of Object.entries(parameters.gradients)) {
    out[name] = [...await grad.readGradient(gradient)];
    grad.freeGradient(gradient);
  }
  return out;
}

/** The loss with other values of one input. */
async function lossWith(
  { ops, grad }: TrainableBackend,
  of: GradientCase,
  parameters: Made,
  name: string,
  values: Float32Array,
): Promise<number> {
  const input = { ...of.inputs[name], values };
  const moved = { ...of, inputs: { ...of.inputs, [name]: input } };
  const parameter = parameters.weights[name] ?? parameters.tensors[name];
  if (parameter) grad.writeParameter(parameter, values);
  const part = { start: 0, end: of.rows };
  const reading = (() => {
    using _pass = ops.scope();
    const tensors = { ...parameters.tensors, ...makeRows(ops, moved, part) };
    return ops.read(of.forward(ops, { ...parameters, tensors }, part));
  })();
  const result = await reading;
  const weighing = numbers(result.length, 1, WEIGHING_SEED);
  return result.reduce((sum, value, i) => sum + value * weighing[i], 0);
}

/** Holds each gradient that the backward pass gives against finite differences, in every build of the core. */
export async function checkSlopes(of: GradientCase): Promise<void> {
  for (const variant of VARIANTS) await checkSlopesOf(of, { variant, threads: 2 });
}

async function checkSlopesOf(of: GradientCase, options: WasmBackendOptions): Promise<void> {
  await withBackend(options, async (backend) => {
    const got = await gradientsOf(backend, of, [{ start: 0, end: of.rows }]);
    const parameters = makeParameters(backend, of);
    for (const [name, gradient] of Object.entries(got)) {
      const { values } = of.inputs[name];
      assertEquals(gradient.length, values.length, name);
      const slopes: number[] = [];
      for (let i = 0; i < values.length; i++) {
        const at = async (by: number): Promise<[number, number]> => {
          const moved = values.slice();
          moved[i] += by;
          return [await lossWith(backend, of, parameters, name, moved), moved[i]];
        };
        const [[up, high], [down, low]] = [await at(STEP), await at(-STEP)];
        slopes.push((up - down) / (high - low));
      }
      await lossWith(backend, of, parameters, name, values);
      const most = Math.max(1e-3, ...slopes.map(Math.abs));
      gradient.forEach((value, i) => {
        const far = Math.abs(value - slopes[i]) / most;
        assert(
          far <= FINITE_DIFFERENCE,
          `${name} at ${i}: ${value}, not ${slopes[i]} (${far} of ${most})`,
        );
      });
    }
  });
}

/** Holds that neither threads nor parts change a bit; parts end at `cuts` and at the last row. */
export async function checkBits(of: GradientCase, cuts: readonly number[]): Promise<void> {
  const whole = [{ start: 0, end: of.rows }];
  const ends = [...cuts, of.rows];
  const parts = ends.map((end, i) => ({ start: ends[i - 1] ?? 0, end }));
  const one = await withBackend({ threads: 1 }, (backend) => gradientsOf(backend, of, whole));
  assert(Object.values(one).every((values) => values.every(Number.isFinite)));
  assert(Object.values(one).every((values) => values.some((value) => value !== 0)));
  for (const threads of [1, 2]) {
    await withBackend({ threads }, async (backend) => {
      assertEquals(await gradientsOf(backend, of, whole), one, `${threads} threads`);
      assertEquals(await gradientsOf(backend, of, parts), one, `${threads} threads, in parts`);
    });
  }
}
