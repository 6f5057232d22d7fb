/** Tests of whole runs from configurations: files that are left, going on, dry runs, adapters, supervised data, bad input. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadModel } from "@aha/runtime";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import { configOf, hooksOf, inFolder } from "../../../../../tests/support/train_folder.ts";
import { readRunConfig } from "../config/read_run_config.ts";
import { recorded } from "../record/recorded.ts";
import { readRunFolder } from "../record/run_folder.ts";
import type { StepRecord } from "../step_record.ts";
import { train } from "./train.ts";

const run = recorded(train);

Deno.test(
  "train: leaves a model, metrics, samples, a report; stopped and gone on it leaves the same model",
  inFolder(async (folder) => {
    const { records, warnings, hooks } = hooksOf();
    const summary = await run(configOf(folder), hooks);
    assertEquals([summary.step, summary.isFinished, warnings], [6, true, []]);
    assertEquals(records.map(({ step }) => step), [1, 2, 3, 4, 5, 6]);
    assertEquals(records.map(({ metrics }) => metrics.epoch), [0.4, 0.8, 1.2, 1.6, 2, 2.4]);
    const named = readFileSync(new URL("../../../docs/trl.md", import.meta.url), "utf8");
    for (const name of records.flatMap(({ metrics }) => Object.keys(metrics))) {
      const general = name.replace(/^rewards\/remainder\//, "rewards/NAME/");
      assert(named.includes(`\`${general}\``), `docs/trl.md does not name ${general}`);
    }
    const left = readdirSync(join(folder, "out")).toSorted();
    for (const name of ["checkpoint.safetensors", "model.gguf", "report.html", "metrics.jsonl"]) {
      assert(left.includes(name), `${left}`);
    }
    const { metrics, samples } = readRunFolder(join(folder, "out"));
    assertEquals(metrics.length, 6);
    assertEquals(samples.length, 6 * 4);
    const wanted = readFileSync(summary.files.model);
    await using model = await loadModel(summary.files.model);
    assertEquals((await model.complete("3", { maxTokens: 1, temperature: 0 })).ids.length, 1);

    const stop = new AbortController();
    const output_dir = join(folder, "again");
    const onStep = ({ step }: StepRecord) => step === 3 ? stop.abort() : undefined;
    const first = hooksOf({ signal: stop.signal, onStep });
    assertEquals((await run(configOf(folder, { output_dir }), first.hooks)).isFinished, false);
    const second = hooksOf({ isResumed: true });
    const done = await run(configOf(folder, { output_dir, threads: 1 }), second.hooks);
    assertEquals(second.records.map(({ step }) => step), [4, 5, 6]);
    assertEquals(readFileSync(done.files.model), wanted);
    assertEquals(readRunFolder(output_dir).metrics.map(({ step }) => step), [1, 2, 3, 4, 5, 6]);
  }),
);

Deno.test(
  "train: a dry run samples and judges, and writes nothing",
  inFolder(async (folder) => {
    const { records, hooks } = hooksOf({ isDryRun: true });
    await run(configOf(folder), hooks);
    assertEquals(records.map(({ step }) => step), [0]);
    assertEquals(records[0].samples.length, 32);
    assert(Number.isFinite(records[0].metrics.reward));
    assert(!readdirSync(folder).includes("out"));
  }),
);

Deno.test(
  "train: adapters on a quantized model become a file that the model takes",
  inFolder(async (folder) => {
    const base = fixturePath("models/llama_untied/gguf/model-Q8_0.gguf");
    const { hooks } = hooksOf();
    const lora = { rank: 4, alpha: 8, targets: ["all-linear"] };
    const summary = await run(configOf(folder, { model: base, lora, max_steps: 2 }), hooks);
    await using plain = await loadModel(base);
    await using adapted = await loadModel(base, { lora: summary.files.adapter });
    const [before, after] = [await plain.score([3, 4, 5]), await adapted.score([3, 4, 5])];
    assert(`${before.logprobs}` !== `${after.logprobs}`, "the adapter changes nothing");
  }),
);

Deno.test(
  "train: rows that have prompts alone",
  inFolder(async (folder) => {
    const file = join(folder, "prompts.jsonl");
    writeFileSync(file, '{"prompt": "a"}\n{"prompt": "b"}\n');
    const rewards = [{ name: "repetition_penalty", ngram_size: 1, max_penalty: -1 }];
    const task = { file, asChat: false, answer_column: null };
    const { records, hooks } = hooksOf();
    await run(configOf(folder, { task, rewards, max_steps: 2 }), hooks);
    assertEquals(records.length, 2);
  }),
);

Deno.test(
  "train: supervised data is learned",
  inFolder(async (folder) => {
    const file = join(folder, "data.jsonl");
    const rows = Array.from({ length: 8 }, (_, i) => ({ prompt: `${i}`, completion: " yes" }));
    writeFileSync(file, rows.map((row) => JSON.stringify(row)).join("\n"));
    const config = readRunConfig({
      kind: "sft",
      model: fixturePath("models/llama_untied/gguf/model-F32.gguf"),
      data: file,
      learning_rate: 2e-3,
      num_train_epochs: 5,
      max_length: 64,
      output_dir: join(folder, "out"),
    });
    const { records, hooks } = hooksOf();
    await run(config, hooks);
    const losses = records.map(({ metrics }) => metrics.loss);
    assert(losses[losses.length - 1] < losses[0] / 2, `${losses}`);
  }),
);

Deno.test(
  "train: supervised rows that are cut, left out or in another column are told of",
  inFolder(async (folder) => {
    const file = join(folder, "data.jsonl");
    const long = { prompt: "a", completion: " yes".repeat(40) };
    const lost = { prompt: "a b".repeat(40), completion: " no" };
    writeFileSync(file, [long, lost].map((row) => JSON.stringify(row)).join("\n"));
    const configOfSft = (changes: Record<string, unknown>) =>
      readRunConfig({
        kind: "sft",
        model: fixturePath("models/llama_untied/gguf/model-F32.gguf"),
        data: file,
        max_length: 16,
        max_steps: 1,
        output_dir: join(folder, "out"),
        ...changes,
      });
    const { warnings, records, hooks } = hooksOf({ isDryRun: true });
    await run(configOfSft({}), hooks);
    assertEquals(warnings.map((text) => text.slice(0, 6)), ["2 of 2", "1 of 2"]);
    assertEquals(records[0].samples.length, 1);
    const data = { file, messages_column: "talk" };
    await assertRejects(() => run(configOfSft({ data }), hooks), Error, "talk is missing");
  }),
);

Deno.test(
  "train: what is wrong is named before anything is trained",
  inFolder(async (folder) => {
    const refused = async (changes: Record<string, unknown>, message: string) => {
      const { hooks } = hooksOf();
      const start = async () => await run(configOf(folder, changes), hooks);
      await assertRejects(start, Error, message);
    };
    const none = join(folder, "none.jsonl");
    writeFileSync(none, "");
    await refused({ task: { file: none } }, "none.jsonl");
    const bad = join(folder, "bad.jsonl");
    writeFileSync(bad, '{"prompt": "a", "answer": 1}\n{"prompt": 3}\n');
    await refused({ task: { file: bad } }, "line 2");
    writeFileSync(bad, '{"prompt": "a"}\n{"prompt": "b"}\n');
    await refused({ task: { file: bad } }, "answer");
    await refused({ task: "sums" }, 'task is "sums"');
    await refused({ rewards: ["taste"] }, "taste");
    await refused({ model: join(folder, "no.gguf") }, "no.gguf");
    const lora = { rank: 4, alpha: 8, targets: ["nothing"] };
    await refused({ lora }, "nothing");
    await refused({ lora: { rank: 4, alpha: 8, dropout: 0.1 } }, "lora_dropout");
    await refused({ max_completion_length: 5000 }, "the model's context has 512 tokens");
    const long = (i: number) => ({ prompt: i === 399 ? "a ".repeat(5000) : "a", answer: 1 });
    const rows = Array.from({ length: 400 }, (_, i) => JSON.stringify(long(i)));
    writeFileSync(bad, rows.join("\n"));
    const task = { file: bad, asChat: false };
    await refused({ task, shuffle_dataset: false }, "The prompt of row 399");
    await refused({ lora: { rank: 4, alpha: 8 }, adapter: "a.gguf" }, "both given");
    const model = fixturePath("models/llama_untied/gguf/model-Q8_0.gguf");
    await refused({ model }, "Full training needs F32 weights");
  }),
);

Deno.test(
  "train: weights that have overflowed end the run at the next sampling, its questions are kept",
  inFolder(async (folder) => {
    const { hooks } = hooksOf();
    const start = () => run(configOf(folder, { learning_rate: 1e30 }), hooks);
    await assertRejects(start, Error, "Step 2: Completion 0 of prompt 0");
    const { step, samples } = JSON.parse(
      readFileSync(join(folder, "out", "faulty_batch.json"), "utf8"),
    );
    assertEquals([step, samples.length, samples[0].completion], [2, 4, ""]);
  }),
);

Deno.test(
  "train: two rewards of one module, by export and metric",
  inFolder(async (folder) => {
    const module = join(folder, "two.mjs");
    const half = "({ completions }) => completions.map(() => 0.5)";
    writeFileSync(module, `export default ${half};\nexport const other = ${half};\n`);
    const rewards = [module, { name: module, export: "other", metric: "other", weight: 2 }];
    const { records, hooks } = hooksOf({ isDryRun: true });
    await run(configOf(folder, { rewards }), hooks);
    const { metrics } = records[0];
    assertEquals([metrics["rewards/two/mean"], metrics["rewards/other/mean"]], [0.5, 0.5]);
    assertEquals(metrics.reward, 1.5);
  }),
);
