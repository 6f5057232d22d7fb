/** Tests of embedding: from a recipe's folder to files that hold what is published of them. The models are untrained. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openGguf } from "@aha/runtime/gguf";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withFolder } from "../../../tests/support/edited_model.ts";
import { nanoTokenizer } from "../src/model/nano_tokenizer.ts";
import { newModel } from "../src/model/new_model.ts";
import { type ModelShape, SHAPES } from "../src/model/shape.ts";
import { recipeSettings } from "../src/recipes/settings/presets.ts";
import { wordTokenizer } from "../src/model/word_tokenizer.ts";
import { VOCABULARY } from "../src/tasks/nano/vocabulary.ts";
import { embed } from "./build.ts";
import { measureFile, type PublishedEvaluation, tasksOf } from "./published.ts";

const EVALUATION: PublishedEvaluation = {
  ...{ seed: 1000, tasks: { CHAIN6: 1, GENERAL: 1 }, languages: ["en", "xx"], levels: {} },
  ...{ problems: 6, samples: 3, temperature: 0.6, topP: 0.95, maxTokens: 12 },
};

/** A tokenizer with another template, as a run of some time ago has it. */
const OLD_TOKENIZER = wordTokenizer(VOCABULARY, {
  ...{ begin: "<s>", end: "</s>", padding: "<pad>", unused: /^<unused\d>$/, chatTemplate: "old" },
});

/** What a recipe writes of a stage that is done, with the settings of the preset `nano`. */
function writeMark(run: string, stage: "pretrain" | "general_rl" | "distill"): string {
  const folder = join(run, stage);
  mkdirSync(folder, { recursive: true });
  const { languages, levels, maxTokens, ...stages } = recipeSettings("nano");
  const settings = { languages, levels, maxTokens, ...stages[stage] };
  writeFileSync(join(folder, "stage.json"), JSON.stringify({ stage, seed: 7, settings }));
  return folder;
}

/** A stage with a model and what it was measured as. */
async function writeStage(
  run: string,
  stage: "general_rl" | "distill",
  shape: ModelShape,
): Promise<void> {
  const folder = writeMark(run, stage);
  const path = join(folder, "model.gguf");
  const blob = await newModel(shape, OLD_TOKENIZER, 5);
  writeFileSync(path, new Uint8Array(await blob.arrayBuffer()));
  writeFileSync(join(folder, "eval.json"), JSON.stringify(await measureFile(path, EVALUATION)));
}

Deno.test("embed: files, measures and checksums of a recipe's last stages", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const out = join(folder, "out");
    const options = { run, out, commit: "abc", type: "Q8_0", studentType: "F32" };
    await assertRejects(() => embed(options), RangeError, "The stage general_rl");
    await writeStage(run, "general_rl", SHAPES.ci_v3);
    await writeStage(run, "distill", SHAPES.student);
    await assertRejects(() => embed(options), RangeError, "The stage pretrain");
    writeMark(run, "pretrain");

    const published = await embed(options);
    assertEquals(JSON.parse(readFileSync(join(out, "nano.json"), "utf8")), published);
    const { preset, seed, commit, command, evaluation, models } = published;
    assertEquals([preset, seed, commit], ["nano", 7, "abc"]);
    assertEquals(command, "deno task aha train r1 --preset nano --seed 7");
    assertEquals(evaluation, EVALUATION);
    assertEquals([models.nano.stage, models["nano-student"].stage], ["general_rl", "distill"]);
    assertEquals([models.nano.type, models["nano-student"].type], ["Q8_0", "F32"]);
    // F32 is what the stage measured, on the same problems with the same draws.
    for (const { accuracy, trained } of models["nano-student"].tasks) {
      assertEquals(accuracy, trained);
    }
    const again = await measureFile(join(out, "nano.gguf"), EVALUATION);
    assertEquals(
      tasksOf(again).map(({ task, measures: { accuracy } }) => ({ task, accuracy })),
      models.nano.tasks.map(({ task, accuracy }) => ({ task, accuracy })),
    );
    const { NANO_FILES } = await import(`file://${join(out, "files.ts")}`);
    for (const name of ["nano", "nano-student"] as const) {
      const { parameters, type, sizeBytes, sha256 } = models[name];
      assertEquals(NANO_FILES[name], { parameters, type, sizeBytes, sha256 });
    }
    const { gguf, source } = await openGguf(join(out, "nano.gguf"));
    await source.close();
    const template = new Map(nanoTokenizer().entries).get("tokenizer.chat_template")!.value;
    assertEquals(gguf.metadata.string("tokenizer.chat_template"), template);
    assertEquals(gguf.metadata.string("general.name"), "nano");
    const types = new Set([...gguf.tensors.values()].map(({ type }) => type.name));
    assert(types.has("Q8_0"), [...types].join());
    assertStringIncludes(readFileSync(join(out, "files.ts"), "utf8"), "sizeBytes: ");
  });
});
