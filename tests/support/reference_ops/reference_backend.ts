/** A backend of plain loops in float64 with gradients: the oracle for the tape and for fast kernels. Reads F32 weights only,
 * keeps no cache, draws nothing, and is slow. */
import type {
  Gradient,
  GradOps,
  TrainableBackend,
} from "../../../packages/runtime/src/backend/grad_ops.ts";
import type { Ops, ReadTensor, StoredTensor } from "../../../packages/runtime/src/ops.ts";
import { elementCount, type Tensor } from "../../../packages/runtime/src/tensor.ts";
import { attend, attendGradient, latentAttend, latentAttendGradient } from "./attention.ts";
import { dropout } from "./dropout.ts";
import { add, scale, swiglu, swigluGradient } from "./elementwise.ts";
import { rearranging, rearrangingGradients } from "./heads.ts";
import { productGradients, products } from "./linear.ts";
import { entropies, tokenLogprobs, tokenLogprobsGradient } from "./logprobs.ts";
import { experts, expertsGradient, route, routeGradient, routeScores } from "./mixture.ts";
import { rmsNorm, rmsNormGradient } from "./norm.ts";
import { adamW } from "./optimizer.ts";
import { rotate } from "./rope.ts";
import { addTo, tensorOf, valuesOf, wholeNumbersOf } from "./values.ts";

const ops: Ops = {
  scope: () => ({ [Symbol.dispose]: () => {} }),
  checkpoint: (run) => run(),
  tensor: (values, shape) => tensorOf(Float64Array.from(values), shape),
  ...products,
  ...rearranging,
  rmsNorm,
  rope: (x, batch, rope) => rotate(x, batch, rope, 1),
  attend: (q, k, v, batch, cache, shape) => {
    if (cache) throw new TypeError("The reference backend has no cache");
    return attend(q, k, v, batch, shape);
  },
  latentAttend: (q, latent, batch, cache, shape) => {
    if (cache) throw new TypeError("The reference backend has no cache");
    return latentAttend(q, latent, batch, shape);
  },
  swiglu,
  route,
  experts,
  add,
  tokenLogprobs,
  sample: () => Promise.reject(new TypeError("The reference backend draws nothing")),
  drawRows: () => Promise.reject(new TypeError("The reference backend draws nothing")),
  read: (tensor) => Promise.resolve(Float32Array.from(valuesOf(tensor))),
  readInts: (tensor) => Promise.resolve(wholeNumbersOf(tensor).slice()),
};

const grad: GradOps = {
  createGradient: (of) => zeroGradient("rows" in of ? [of.rows, of.cols] : of.shape),
  zeroGradient: (gradient) => void valuesOf(gradient).fill(0),
  freeGradient: () => {},
  addGradient: (from, into) => addTo(valuesOf(into), valuesOf(from)),
  readGradient: (gradient) => Promise.resolve(Float32Array.from(valuesOf(gradient))),
  writeGradient: (gradient, values) => valuesOf(gradient).set(values),
  ...productGradients,
  ...rearrangingGradients,
  rmsNorm: rmsNormGradient,
  rope: (d, batch, rope) => rotate(d, batch, rope, -1),
  attend: attendGradient,
  latentAttend: latentAttendGradient,
  swiglu: swigluGradient,
  route: routeGradient,
  routeScores,
  experts: expertsGradient,
  tokenLogprobs: tokenLogprobsGradient,
  entropies,
  scale,
  dropout,
  squaredNorm: (gradient) => valuesOf(gradient).reduce((sum, value) => sum + value ** 2, 0),
  adamW,
  createWeight: (name, rows, cols, values) => (
    { name, type: "F32", rows, cols, storage: Float64Array.from(values) }
  ),
  createVector: (values) => tensorOf(Float64Array.from(values), [values.length]),
  writeParameter: (parameter, values) => valuesOf(parameter).set(values),
  readParameter: (parameter) => Promise.resolve(Float32Array.from(valuesOf(parameter))),
};

/** The ops and their gradients. */
export const reference: Pick<TrainableBackend, "ops" | "grad"> = { ops, grad };

/** A backend of them. */
export function referenceBackend(): TrainableBackend {
  return {
    name: "reference",
    variant: "float64",
    numericsId: "float64",
    threads: 1,
    ...reference,
    async loadWeight(stored, read) {
      const { name, type, rows, cols } = stored;
      return { name, type, rows, cols, storage: await readNumbers(stored, read) };
    },
    dequantize: async (stored, read) => Float32Array.from(await readNumbers(stored, read)),
    loadVector: async (stored, read): Promise<Tensor> =>
      tensorOf(await readNumbers(stored, read), [stored.cols]),
    createCache: () => {
      throw new TypeError("The reference backend has no cache");
    },
    memoryBytes: () => 0,
    close: () => Promise.resolve(),
  };
}

async function readNumbers(
  { name, type, rows, cols }: StoredTensor,
  read: ReadTensor,
): Promise<Float64Array> {
  if (type !== "F32") throw new TypeError(`${name} is ${type}: the reference backend takes F32`);
  const values = new Float32Array(rows * cols);
  await read(0, new Uint8Array(values.buffer));
  return Float64Array.from(values);
}

function zeroGradient(shape: readonly number[]): Gradient {
  return { shape, storage: new Float64Array(elementCount(shape)) };
}
