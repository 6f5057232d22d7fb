/** Finite differences in float64 for every backward rule, over the reference backend. */
import { assert } from "@std/assert";
import { reference } from "../../../../tests/support/reference_ops/reference_backend.ts";
import { tensorOf, valuesOf } from "../../../../tests/support/reference_ops/values.ts";
import { mixture, RULE_CASES, type Run, World } from "../../../../tests/support/rule_cases.ts";
import { relativeError, RULE_DIFFERENCE } from "../../../../tests/support/tolerance.ts";
import { elementCount } from "@aha/runtime/training";
import { ParameterSet } from "../parameters/parameter_set.ts";
import { RULES } from "./rules.ts";
import { Tape } from "./tape.ts";

const CASES: typeof RULE_CASES = [
  ...RULE_CASES,
  [
    "a choice that is forced",
    "route",
    mixture({
      forced: Int32Array.of(0, 1, 2, 3, 0, 3, 1, 2, 0, 2),
      normalize: true,
      scoring: "sigmoid",
    }),
  ],
];

Deno.test("rules: each op has one and is tried", () => {
  const tried = new Set(CASES.map(([, op]) => op));
  for (const op of Object.keys(RULES)) assert(tried.has(op), op);
});

for (const [name, , run] of CASES) {
  Deno.test(`rules: ${name} has the gradients of finite differences`, () => checkRule(run));
}

function checkRule(run: Run): void {
  const world = new World(reference);
  const nowhere = { ofWeight: () => undefined, ofVector: () => undefined };
  using first = new Tape(reference, nowhere);
  const slopes = run(first, world.on(first)).map(({ shape }) =>
    tensorOf(Float64Array.from(world.random(elementCount(shape))), shape)
  );
  const trained = new ParameterSet(reference.grad, world.parameters);
  using tape = new Tape(reference, trained);
  run(tape, world.on(tape)).forEach((out, i) => tape.backward(out, slopes[i]));
  const loss = () => {
    using forward = new Tape(reference, nowhere);
    return run(forward, world.on(forward))
      .reduce((sum, out, i) => sum + dot(valuesOf(out), valuesOf(slopes[i])), 0);
  };
  assert(trained.all.length > 0);
  for (const { name, parameter, gradient } of trained.all) {
    const numbers = valuesOf(parameter);
    const step = 1e-4;
    const differences = numbers.map((value, i) => {
      numbers[i] = value + step;
      const above = loss();
      numbers[i] = value - step;
      const below = loss();
      numbers[i] = value;
      return (above - below) / (2 * step);
    });
    assert(Math.hypot(...differences) > 1e-3, `${name} changes nothing`);
    const error = relativeError(valuesOf(gradient), differences);
    assert(error <= RULE_DIFFERENCE, `${name}: off by ${error}`);
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
