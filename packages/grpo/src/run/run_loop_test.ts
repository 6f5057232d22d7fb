/** Tests of the loop of runs on supervised steps: going on to the bit, what may not go on, faults, full disks. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openTrainable } from "@aha/runtime/training";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { fullPolicy } from "../policy/policy.ts";
import { type SftSettings, SftTrainer } from "../sft/sft_trainer.ts";
import { CheckpointFolder } from "./checkpoint_folder.ts";
import { FAULTY_BATCH, runLoop, type RunLoopOptions } from "./run_loop.ts";
import { RUN_FILES, type StepRecord } from "./step_record.ts";
import { FaultyBatchError, type Training } from "./training.ts";

const DATA = Array.from({ length: 6 }, (_, i) => ({
  ids: [3 + i, 9, 4 + i, 7, 12 + i],
  mask: [0, 1, 1, 1, 1],
}));

async function trainerOf(changes: Partial<SftSettings> = {}) {
  const model = await openTrainable(fixturePath("models/llama_untied/gguf/model-F32.gguf"));
  return new SftTrainer(fullPolicy(model), {
    perDeviceTrainBatchSize: 2,
    gradientAccumulationSteps: 1,
    maxLength: 64,
    packing: false,
    numTrainEpochs: 3,
    maxSteps: 0,
    optimizer: {},
    schedule: { type: "linear", learningRate: 1e-3 },
    shuffleDataset: true,
    seed: 7,
    ...changes,
  }, DATA);
}

async function numbersOf({ policy: { parameters, model } }: SftTrainer): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (const { parameter } of parameters.all) {
    all.push(await model.backend.grad.readParameter(parameter));
  }
  await model.close();
  return all;
}

function inFolder(run: (folder: CheckpointFolder) => Promise<void>): () => Promise<void> {
  return async () => {
    const path = mkdtempSync(join(tmpdir(), "aha-run-"));
    try {
      await run(new CheckpointFolder(path));
    } finally {
      rmSync(path, { recursive: true });
    }
  };
}

function options(folder: CheckpointFolder, more: Partial<RunLoopOptions> = {}): RunLoopOptions {
  return { folder, saveSteps: 2, config: '{"seed":7}', numericsId: "n", resume: false, ...more };
}

Deno.test(
  "run: stopped and gone on, the same bits as never stopped",
  inFolder(async (folder) => {
    const whole = await trainerOf();
    await runLoop(whole, options(folder, { saveSteps: 0 }));
    const wanted = await numbersOf(whole);
    for (const stopAt of [1, 4, 5]) {
      const stop = new AbortController();
      const first = await trainerOf();
      const onStep = ({ step }: StepRecord) => step === stopAt ? stop.abort() : undefined;
      const end = await runLoop(first, options(folder, { onStep, stop: stop.signal }));
      assertEquals(end, { steps: stopAt, isComplete: false });
      await first.policy.model.close();
      const second = await trainerOf();
      const from: number[] = [];
      const onResume = (steps: number) => void from.push(steps);
      assertEquals(await runLoop(second, options(folder, { resume: true, onResume })), {
        steps: 9,
        isComplete: true,
      });
      assertEquals(from, [stopAt]);
      assertEquals(await numbersOf(second), wanted, `stopped at ${stopAt}`);
    }
  }),
);

Deno.test(
  "run: stopped before its first step it goes on too",
  inFolder(async (folder) => {
    const first = await trainerOf();
    const stop = AbortSignal.abort();
    assertEquals((await runLoop(first, options(folder, { stop }))).steps, 0);
    await first.policy.model.close();
    const second = await trainerOf();
    assertEquals((await runLoop(second, options(folder, { resume: true }))).steps, 9);
    await second.policy.model.close();
  }),
);

Deno.test(
  "run: a folder that cannot be is named, parts of other files stay",
  inFolder((folder) => {
    for (const name of ["film.mkv.part", "model.gguf.0a1b2c3d.part"]) {
      writeFileSync(folder.file(name), "");
    }
    folder.prepare();
    assertEquals(readdirSync(folder.path), ["film.mkv.part"]);
    for (const name of ["film.mkv.part", "film.mkv.part/run"]) {
      const place = new CheckpointFolder(folder.file(name));
      assertThrows(() => place.prepare(), Error, "choose another --out");
    }
    return Promise.resolve();
  }),
);

Deno.test("run: timers and signals have their turn between steps", async () => {
  const stop = new AbortController();
  const trainer = await trainerOf({ numTrainEpochs: 3000 });
  setTimeout(() => stop.abort(), 50);
  const alone = { saveSteps: 0, config: "{}", numericsId: "n", resume: false };
  assertEquals((await runLoop(trainer, { ...alone, stop: stop.signal })).isComplete, false);
  await trainer.policy.model.close();
});

Deno.test(
  "run: goes on only from a checkpoint of its own configuration, and says where bits may differ",
  inFolder(async (folder) => {
    const trainer = await trainerOf();
    const missing = () => runLoop(trainer, options(folder, { resume: true }));
    await assertRejects(missing, Error, "leave --resume out to begin there");
    await runLoop(trainer, options(folder));
    const other = () => runLoop(trainer, options(folder, { resume: true, config: '{"seed":8}' }));
    await assertRejects(other, Error, "began with seed 7, it is 8 now");
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    await runLoop(trainer, options(folder, { resume: true, numericsId: "m", onWarning }));
    assert(warnings[0].includes("made with n, this is m"), warnings[0]);
    const changeable = new Set(["seed"]);
    const changed = { resume: true, config: '{"seed":8}', changeable, onWarning };
    await runLoop(trainer, options(folder, changed));
    assertEquals(warnings[1], "the run began with seed 7, it goes on from here with 8");
    const inputs = () =>
      runLoop(trainer, options(folder, { resume: true, inputs: { model: "b" } }));
    await assertRejects(inputs, Error, "another model: its fingerprint was none, it is b now");
    await trainer.policy.model.close();
  }),
);

Deno.test(
  "run: numbers that are not finite end it, the batch is kept, the checkpoint too",
  inFolder(async (folder) => {
    const trainer = await trainerOf({
      schedule: { type: "constant", learningRate: 1e30 },
    });
    const run = () => runLoop(trainer, options(folder, { saveSteps: 1 }));
    await assertRejects(run, FaultyBatchError, "not finite");
    assert(readFileSync(folder.file(FAULTY_BATCH), "utf8").includes('"samples"'));
    await trainer.policy.model.close();
  }),
);

Deno.test(
  "run: a checkpoint that cannot be written leaves the one before",
  inFolder(async (folder) => {
    const trainer = await trainerOf();
    await runLoop(trainer, options(folder));
    const before = readFileSync(folder.file(RUN_FILES.checkpoint));
    const { state } = trainer;
    const failing: Training["state"] = {
      ...state,
      grad: { ...state.grad, readParameter: () => Promise.reject(new Error("disk full")) },
    } as Training["state"];
    const facts = { steps: 9, tokens: 1, numericsId: "n", config: "{}", inputs: {} };
    await assertRejects(() => folder.save(failing, facts), Error);
    assertEquals(readFileSync(folder.file(RUN_FILES.checkpoint)), before);
    assertEquals(readdirSync(folder.path), [RUN_FILES.checkpoint]);
    assert(!existsSync(folder.file(FAULTY_BATCH)));
    await trainer.policy.model.close();
  }),
);

Deno.test(
  "run: what the guard ends is saved, all its steps are told, and it goes on",
  inFolder(async (folder) => {
    const trainer = await trainerOf();
    const guard = ({ step }: StepRecord) => {
      if (step === 5) throw new Error("enough");
    };
    const run = () => runLoop(trainer, options(folder, { saveSteps: 0, guard }));
    await assertRejects(run, Error, "enough");
    await trainer.policy.model.close();
    const second = await trainerOf();
    const told: number[] = [];
    const onStep = ({ step }: StepRecord) => void told.push(step);
    await runLoop(second, options(folder, { resume: true, onStep }));
    assertEquals(told, [6, 7, 8, 9]);
    await second.policy.model.close();
  }),
);
