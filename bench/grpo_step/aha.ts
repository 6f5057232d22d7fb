/** Steps of Aha's GrpoTrainer in a process of its own: reads a job from a file, prints what it tells as a line of JSON. Compares nothing. */
import { readFileSync } from "node:fs";
import process from "node:process";
import {
  fullPolicy,
  type GrpoSettings,
  GrpoTrainer,
  type Policy,
  policyNetwork,
  readGrpoConfig,
  tokenLogps,
} from "@aha/grpo";
import { openTrainable } from "@aha/runtime/training";
import type { Job, Told } from "./workload.ts";

/** What `aha train` computes at once where nothing is said. */
const MICRO_BATCH_TOKENS = 4096;

function settingsOf(job: Job): GrpoSettings {
  return {
    objective: readGrpoConfig({
      loss_type: "grpo",
      ...{ beta: job.beta, temperature: 1, max_completion_length: job.newTokens },
    }),
    numGenerations: job.group,
    perDeviceTrainBatchSize: job.prompts.length * job.group,
    numIterations: 1,
    scaleRewards: "group",
    maskTruncatedCompletions: false,
    optimizer: { maxGradientNorm: 1, weightDecay: 0 },
    schedule: { type: "constant", learningRate: job.learningRate },
    maxSteps: job.steps,
    refModelSyncSteps: 0,
    seed: 1,
    shuffleDataset: true,
    microBatchTokens: MICRO_BATCH_TOKENS,
    gradientCheckpointing: job.isCheckpointed,
  };
}

async function trainerOf(policy: Policy, job: Job): Promise<GrpoTrainer> {
  return await GrpoTrainer.create({
    policy,
    task: { name: "words", length: job.prompts.length, row: (i) => ({ prompt: job.prompts[i] }) },
    rewards: [{
      name: "even",
      score: ({ completionIds }) => completionIds.map(shareOfEvenIds),
    }],
  }, settingsOf(job));
}

function shareOfEvenIds(ids: ArrayLike<number>): number {
  return Array.from(ids).filter((id) => id % 2 === 0).length / ids.length;
}

async function run(job: Job): Promise<Told> {
  const model = await openTrainable(job.file, { threads: job.threads });
  if (model.tokenizer.endIds.size > 0) throw new Error("The model's vocabulary has an end token");
  const policy = fullPolicy(model);
  const ids = model.tokenizer.encode(job.prompts[0], { special: true });
  const mask = new Uint8Array(ids.length).fill(1);
  const { logps: [probe] } = await tokenLogps(policyNetwork(policy), [{ ids, mask }]);
  const trainer = await trainerOf(policy, job);

  const rolloutSeconds: number[] = [];
  const sample = trainer.sample.bind(trainer);
  trainer.sample = async (...words) => {
    const start = performance.now();
    const rollouts = await sample(...words);
    rolloutSeconds.push((performance.now() - start) / 1000);
    return rollouts;
  };
  const [seconds, cpuSeconds]: number[][] = [[], []];
  const metrics: Readonly<Record<string, number>>[] = [];
  while (trainer.steps < trainer.totalSteps) {
    const [start, cpuStart] = [performance.now(), process.cpuUsage()];
    const { records } = await trainer.next();
    seconds.push((performance.now() - start) / 1000);
    const { user, system } = process.cpuUsage(cpuStart);
    cpuSeconds.push((user + system) / 1e6);
    metrics.push(...records.map((record) => record.metrics));
  }
  trainer.free();
  await model.close();
  return {
    versions: { ...Deno.version },
    ...{ seconds, cpuSeconds, rolloutSeconds, probe: [...probe] },
    meanLengths: metrics.map((one) => one["completions/mean_length"]),
    gradientNorms: metrics.map((one) => one.grad_norm),
    entropies: metrics.map((one) => one.entropy),
  };
}

console.log(JSON.stringify(await run(JSON.parse(readFileSync(process.argv[2], "utf8")))));
process.exit(0);
