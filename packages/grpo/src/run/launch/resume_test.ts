/** Tests of runs that go on: over what they began with alone, with other settings where that can be, stopped at any look at the signal. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import { configOf, hooksOf, inFolder } from "../../../../../tests/support/train_folder.ts";
import { recorded } from "../record/recorded.ts";
import { readRunFolder } from "../record/run_folder.ts";
import { LOCK_FILE } from "../run_lock.ts";
import { train } from "./train.ts";

const run = recorded(train);

/** Changes a byte of a file, away from its head. */
function changeByte(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 100] ^= 1;
  writeFileSync(file, bytes);
}

for (
  const [kind, name, changes] of [
    ["adapters", "Q8_0", { lora: { rank: 4, alpha: 8 } }],
    ["all weights and a reference", "F32", { beta: 0.04 }],
  ] as const
) {
  Deno.test(
    `train: ${kind} go on only over the model and the rows that they began with`,
    inFolder(async (folder) => {
      const model = join(folder, "model.gguf");
      copyFileSync(fixturePath(`models/llama_untied/gguf/model-${name}.gguf`), model);
      const stop = new AbortController();
      const onStep = () => stop.abort(new Error("stop"));
      await run(
        configOf(folder, { model, ...changes }),
        hooksOf({ onStep, signal: stop.signal }).hooks,
      );
      const goOn = () =>
        run(configOf(folder, { model, ...changes }), hooksOf({ isResumed: true }).hooks);
      changeByte(model);
      const error = await assertRejects(goOn, Error, `began with another model ${model}`);
      const [, was, is] = /fingerprint was (\w+), it is (\w+) now/.exec(error.message) ?? [];
      assert(was?.length === 12 && is?.length === 12 && was !== is, error.message);
      changeByte(model);
      const task = join(folder, "task.jsonl");
      const rows = readFileSync(task, "utf8");
      writeFileSync(task, rows.replace('"answer":3', '"answer":4'));
      await assertRejects(goOn, Error, `began with another task ${task}`);
      writeFileSync(task, rows);
      assertEquals((await goOn()).step, 6);
    }),
  );
}

Deno.test(
  "train: without a checkpoint nothing is gone on with, and no folder is made",
  inFolder(async (folder) => {
    const goOn = () => run(configOf(folder), hooksOf({ isResumed: true }).hooks);
    await assertRejects(goOn, Error, "leave --resume out to begin there");
    assert(!existsSync(join(folder, "out")));
    const none = () => run(configOf(folder, { model: join(folder, "no.gguf") }), hooksOf().hooks);
    await assertRejects(none, Error, "no.gguf");
    assert(!existsSync(join(folder, "out")));
  }),
);

Deno.test(
  "train: a folder in which a run is under way is refused, and free after it",
  inFolder(async (folder) => {
    const second: Promise<unknown>[] = [];
    const { hooks } = hooksOf({
      onStart: () => {
        const start = run(configOf(folder), hooksOf({ onStart: () => {} }).hooks);
        second.push(assertRejects(() => start, Error, `runs there`));
      },
    });
    const { step } = await run(configOf(folder), hooks);
    await Promise.all(second);
    assertEquals([step, second.length], [6, 1]);
    assert(!existsSync(join(folder, "out", LOCK_FILE)));
    assertEquals(readRunFolder(join(folder, "out")).metrics.length, 6);
  }),
);

Deno.test(
  "train: what a guard has stopped goes on with other settings",
  inFolder(async (folder) => {
    const guards = { clipped_ratio: 0, warn_after: 1, stop_after: 2 };
    const start = () => run(configOf(folder, { guards, save_steps: 500 }), hooksOf().hooks);
    const error = await assertRejects(start, Error, "Stopped and saved at step 2");
    assertStringIncludes(error.message, "raise max_completion_length");
    const { warnings, records, hooks } = hooksOf({ isResumed: true });
    const fixed = () => run(configOf(folder, { seed: 4 }), hooks);
    await assertRejects(fixed, Error, "began with seed 3, it is 4 now");
    await run(configOf(folder, { max_completion_length: 5 }), hooks);
    assertEquals(warnings, [
      "the run began with max_completion_length 2, it goes on from here with 5",
    ]);
    assertEquals(records.map(({ step }) => step), [3, 4, 5, 6]);
    const recordedWarnings = readRunFolder(join(folder, "out")).warnings.map(({ text }) => text);
    assert(recordedWarnings.includes(warnings[0]), `${recordedWarnings}`);
    assert(records.some(({ metrics }) => metrics["completions/max_length"] > 2));
  }),
);

/** A signal that is aborted when somebody looks at it for the `count`th time. */
function abortedAtLook(count: number): { readonly signal: AbortSignal; looks: number } {
  const controller = new AbortController();
  const { signal } = controller;
  const watched = { signal, looks: 0 };
  signal.throwIfAborted = () => {
    if (++watched.looks === count) controller.abort(new Error("stop"));
    AbortSignal.prototype.throwIfAborted.call(signal);
  };
  return watched;
}

Deno.test(
  "train: stopped at any look at the signal it is saved as of its last whole step, and goes on to the same bits",
  inFolder(async (folder) => {
    const changes = {
      beta: 0.04,
      num_iterations: 2,
      micro_batch_tokens: 32,
      max_steps: 4,
      save_steps: 500,
    };
    const all = abortedAtLook(Infinity);
    const whole = await run(configOf(folder, changes), hooksOf(all).hooks);
    const wanted = readFileSync(whole.files.model);
    const tokensOf = (name: string) =>
      readRunFolder(join(folder, name)).metrics.map((
        { step, values },
      ) => [step, values.num_tokens]);
    assert(all.looks > 60, `${all.looks} looks`);
    const ends = new Set<number>();
    for (let look = 1; look <= all.looks; look += 7) {
      const output_dir = join(folder, "stopped");
      const config = configOf(folder, { ...changes, output_dir });
      const started = await run(config, hooksOf(abortedAtLook(look)).hooks).catch(() => undefined);
      if (started?.isFinished !== true) {
        // The model was not read yet: nothing is there, and the run begins.
        const isResumed = started !== undefined;
        ends.add(started?.step ?? -1);
        await run(config, hooksOf({ isResumed }).hooks);
      }
      assertEquals(readFileSync(join(output_dir, "model.gguf")), wanted, `look ${look}`);
      assertEquals(tokensOf("stopped"), tokensOf("out"));
      rmSync(output_dir, { recursive: true });
    }
    assertEquals([...ends].toSorted(), [-1, 0, 2]);
  }),
);
