/** Tests of what stages learn from: rows are the documents' ids again, schedules that begin anew. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { openTrainable } from "@aha/runtime/training";
import { nanoTokenizer } from "../../model/nano_tokenizer.ts";
import { newModel } from "../../model/new_model.ts";
import { SHAPES } from "../../model/shape.ts";
import { fullPolicy } from "../../policy/policy.ts";
import { PretrainTrainer } from "../../pretrain/pretrain.ts";
import { trainingSequences } from "../../sft/training_rows.ts";
import { nanoDocuments } from "../../tasks/mod.ts";
import { rowOf } from "./sft_training.ts";

Deno.test("rowOf: the tokenizer makes the document of a row, its completion learned", async () => {
  const model = await openTrainable(await newModel(SHAPES.student, nanoTokenizer(), 1));
  const { document } = nanoDocuments({ seed: 2 });
  for (let i = 0; i < 200; i++) {
    const { ids, promptLength } = document(i);
    const [sequence] = trainingSequences(model.tokenizer, rowOf(document(i)));
    assertEquals(Array.from(sequence.ids), ids);
    assertEquals(
      Array.from(sequence.mask),
      ids.map((_, at) => Number(at >= promptLength)),
    );
  }
  await model.close();
});

Deno.test("pre-training: beyond its steps the schedule begins anew", async () => {
  const model = await openTrainable(await newModel(SHAPES.student, nanoTokenizer(), 1));
  const { document } = nanoDocuments({ seed: 2 });
  const config = {
    steps: 4,
    warmupSteps: 2,
    restartSteps: 3,
    batchDocuments: 1,
    learningRate: 1e-3,
  };
  const trainer = new PretrainTrainer(fullPolicy(model), config, document);
  const rates: number[] = [];
  for (let step = 0; step < 10; step++) {
    rates.push((await trainer.step()).metrics.learning_rate * 1000);
  }
  const wanted = [0.5, 1, 1, 0.55, 0.5, 1, 1, 0.5, 1, 1];
  rates.forEach((rate, i) => assertAlmostEquals(rate, wanted[i], 1e-9, `${rates}`));
  trainer.free();
  await model.close();
});
