/** A small GRPO run on a reference model: ten questions, one of which reward asks the first token to answer. Asserts nothing. */
import {
  adapterPolicy,
  fullPolicy,
  type GrpoSettings,
  GrpoTrainer,
  newAdapters,
  type Policy,
  readGrpoConfig,
  type StepRecord,
  type TrlGrpoConfig,
} from "@aha/grpo";
import { openTrainable } from "@aha/runtime/training";
import { fixturePath } from "./fixture.ts";
import { seededRandom } from "./seeded_random.ts";

/** What differs from run to run. */
export interface SmallRun {
  /** Model and form, such as `llama_untied/gguf/model-F32`. */
  readonly file: string;
  readonly kind: "all" | "adapters";
  readonly threads?: number;
  /** -1 rewards what is wrong. */
  readonly sign?: 1 | -1;
  readonly settings?: Partial<GrpoSettings>;
  readonly objective?: TrlGrpoConfig;
}

/** How many answers there are: a first token by chance is right once in so many. */
const ANSWERS = 6;
const DIGITS = "0123456789";

/** The model as a policy; adapters begin with a B that is not zero, so that they matter from the first token on. */
async function policyOf({ file, kind, threads }: SmallRun): Promise<Policy> {
  const latentForm = "naive";
  const model = await openTrainable(fixturePath(`models/${file}.gguf`), { threads, latentForm });
  if (kind === "all") return fullPolicy(model);
  const random = seededRandom(3);
  const targets = model.model.config.mixture ? ["all-linear", "experts"] : ["all-linear"];
  const begun = newAdapters(
    model.model.config,
    { rank: 4, alpha: 8, targets },
    () => random(1000) / 1000,
  );
  const values = begun.map((one) => ({ ...one, b: one.b.map(() => random(1000) / 5000 - 0.1) }));
  return await adapterPolicy(model, values);
}

/** Begins the run; free the trainer and close its policy's model. */
export async function smallTrainer(run: SmallRun): Promise<GrpoTrainer> {
  const { sign = 1, settings = {}, objective = {} } = run;
  const match = (ids: ArrayLike<number>, answer: unknown) =>
    ids[0] % ANSWERS === Number(answer) % ANSWERS ? sign : 0;
  return await GrpoTrainer.create({
    policy: await policyOf(run),
    task: {
      name: "digits",
      length: DIGITS.length,
      row: (i) => ({ prompt: DIGITS[i], answer: DIGITS[i] }),
    },
    rewards: [{
      name: "match",
      score: ({ completionIds, columns }) =>
        completionIds.map((ids, i) => match(ids, columns.answer[i])),
    }],
  }, {
    objective: readGrpoConfig({
      loss_type: "grpo",
      max_completion_length: 1,
      gradient_accumulation_steps: 4,
      ...objective,
    }),
    numGenerations: 16,
    perDeviceTrainBatchSize: 40,
    numIterations: 1,
    scaleRewards: "group",
    maskTruncatedCompletions: false,
    optimizer: { maxGradientNorm: 1, weightDecay: 0 },
    schedule: { type: "constant", learningRate: 2e-3 },
    maxSteps: 20,
    refModelSyncSteps: 0,
    seed: 1,
    shuffleDataset: true,
    ...settings,
  });
}

/** Runs it to its end; gives its records and the numbers of what was trained. */
export async function smallRun(
  run: SmallRun,
): Promise<{ records: StepRecord[]; numbers: Float32Array[] }> {
  const trainer = await smallTrainer(run);
  const records: StepRecord[] = [];
  while (trainer.steps < trainer.totalSteps) records.push(...(await trainer.next()).records);
  const { parameters, model } = trainer.policy;
  const numbers: Float32Array[] = [];
  for (const { parameter } of parameters.all) {
    numbers.push(await model.backend.grad.readParameter(parameter));
  }
  trainer.free();
  await model.close();
  return { records, numbers };
}
