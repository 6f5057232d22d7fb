/** Training steps of the bench: losses fall and do not depend on what passes together; operations by hand. Asserts no speed. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { randomModel } from "./random_model.ts";
import { trainBackend } from "./train_backend.ts";
import { activeWeights, TRAINED_SHAPES, type TrainedShape } from "./trained_shape.ts";
import { TrainingRun } from "./training_run.ts";

function shapeOf(name: string): TrainedShape {
  const shape = TRAINED_SHAPES.find((one) => one.name === name);
  assert(shape, name);
  return shape;
}

async function losses(shape: TrainedShape, together: number, steps: number): Promise<number[]> {
  const backend = await trainBackend(1);
  const run = await TrainingRun.open(backend, await randomModel(shape), { ...shape, together });
  const all: number[] = [];
  for (let step = 0; step < steps; step++) all.push(await run.step());
  await run.close();
  return all;
}

Deno.test("activeWeights: those of the models as their published tables count them", () => {
  assertEquals(activeWeights(shapeOf("0.8M")), 128 * 64 + 4 * (4 * 128 ** 2 + 3 * 128 * 352));
  // 812,160 and 698,816 count gains too: two a layer and one at the end; of latents two more a layer.
  assertEquals(activeWeights(shapeOf("0.8M")) + 9 * 128, 812_160);
  assertEquals(activeWeights(shapeOf("mini-v3")) + 9 * 128 + 4 * (48 + 32), 698_816);
});

for (const name of ["0.8M", "mini-v3"]) {
  Deno.test(`a step of ${name}: the loss falls, and parts of the batch change next to nothing`, async () => {
    const shape = { ...shapeOf(name), sequences: 4, tokens: 40 };
    const whole = await losses(shape, 4, 3);
    assert(whole[2] < whole[0], `${whole}`);
    for (const [i, loss] of (await losses(shape, 1, 3)).entries()) {
      assertAlmostEquals(loss, whole[i], 1e-12); // parts of the mean are added in f64
    }
  });
}
