/** Every op's results and gradients in wasm against plain loops in float64, over the same numbers. */
import { assert } from "@std/assert";
import { ParameterSet } from "../../packages/grpo/src/parameters/parameter_set.ts";
import { Tape } from "../../packages/grpo/src/autograd/tape.ts";
import type { TrainableBackend } from "../../packages/runtime/src/backend/grad_ops.ts";
import { createWasmBackend } from "../../packages/runtime/src/backend/wasm/backend.ts";
import { elementCount } from "../../packages/runtime/src/tensor.ts";
import { referenceBackend } from "../support/reference_ops/reference_backend.ts";
import { RULE_CASES, type Run, World } from "../support/rule_cases.ts";
import { GRADIENT_KERNEL, relativeError } from "../support/tolerance.ts";

/** Two sequences of which one fills blocks of 32 keys and begins another. */
const LONG = {
  rows: 81,
  segments: [
    { sequence: null, start: 0, length: 70, firstPosition: 0 },
    { sequence: null, start: 70, length: 11, firstPosition: 0 },
  ],
};

const CASES: readonly (readonly [name: string, op: string, run: Run])[] = [
  ...RULE_CASES,
  ["attend over blocks of keys", "attend", (tape, given) => {
    const sizes = { layer: 0, heads: 6, kvHeads: 2, keySize: 16, valueSize: 12, scale: 0.3 };
    const [q, k, v] = [96, 32, 24].map((cols) => given.activation(cols, LONG.rows));
    return [tape.attend(q, k, v, LONG, null, sizes)];
  }],
  ["latentAttend over blocks of keys", "latentAttend", (tape, given) => {
    const sizes = { layer: 0, heads: 5, rank: 24, rotarySize: 8, scale: 0.3 };
    const [q, latent] = [160, 32].map((cols) => given.activation(cols, LONG.rows));
    return [tape.latentAttend(q, latent, LONG, null, sizes)];
  }],
  ["linear of many rows", "linear", (tape, given) => [
    tape.linear(given.activation(100, LONG.rows), given.weight(37, 100, { hasBias: true })),
  ]],
  ["tokenLogprobs of many rows", "tokenLogprobs", (tape, given) => {
    const targets = Int32Array.from({ length: LONG.rows }, (_, row) => (7 * row) % 300);
    const [x, head] = [given.activation(40, LONG.rows), given.weight(300, 40)];
    return [tape.tokenLogprobs(x, head, targets, 0.8)];
  }],
];

for (const variant of ["relaxed_threads", "simd_threads", "simd"] as const) {
  Deno.test(`gradients: results and gradients of every op are those of float64, ${variant}`, async () => {
    const wasm = await createWasmBackend({ variant });
    for (const [name, , run] of CASES) {
      const [own, wanted] = [await numbersOf(wasm, run), await numbersOf(referenceBackend(), run)];
      for (const [what, values] of wanted) {
        const error = relativeError(own.get(what) ?? [], values);
        assert(error <= GRADIENT_KERNEL, `${name}: ${what} is off by ${error}`);
      }
    }
    await wasm.close();
  });
}

/** Results by number, gradients by the parameters' names. */
async function numbersOf(backend: TrainableBackend, run: Run): Promise<Map<string, Float32Array>> {
  const numbers = new Map<string, Float32Array>();
  const world = new World(backend);
  const nowhere = { ofWeight: () => undefined, ofVector: () => undefined };
  const slopes: Float32Array[] = [];
  {
    using tape = new Tape(backend, nowhere);
    const outs = run(tape, world.on(tape));
    for (const [i, out] of outs.entries()) {
      slopes.push(world.random(elementCount(out.shape)));
      numbers.set(`result ${i}`, await tape.read(out));
    }
  }
  const set = new ParameterSet(backend.grad, world.parameters);
  {
    using tape = new Tape(backend, set);
    run(tape, world.on(tape)).forEach((out, i) =>
      tape.backward(out, tape.tensor(slopes[i], out.shape))
    );
  }
  for (const { name, gradient } of set.all) {
    numbers.set(name, await backend.grad.readGradient(gradient));
  }
  set.free();
  return numbers;
}
