/** Settings that papers publish, by name, with the place beside each value. Sets nothing that a paper does not say. */

/** A value and where it is published. */
type Published = readonly [value: unknown, source: string];

/** A preset. */
export interface Preset {
  readonly name: string;
  /** What it is, with its paper. */
  readonly title: string;
  /** By TRL's names. */
  readonly values: Readonly<Record<string, Published>>;
  /** What the paper does besides, that a value cannot say. */
  readonly notes: readonly string[];
}

const R1 = "2501.12948v2";

/** What both of R1's stages and R1-Zero have. */
const R1_COMMON: Preset["values"] = {
  loss_type: ["grpo", "DeepSeekMath 2402.03300, section 4.1.1, which R1 follows"],
  scale_rewards: ["group", `${R1}, section 2.1, eq. 3`],
  learning_rate: [3e-6, `${R1}, methods: training details`],
  lr_scheduler_type: ["constant", `${R1}, methods: one rate is given`],
  beta: [0.001, `${R1}, methods: training details`],
  temperature: [1, `${R1}, methods: training details`],
  num_generations: [16, `${R1}, methods: 16 outputs a question`],
  per_device_train_batch_size: [512, `${R1}, methods: 32 questions x 16 outputs`],
  steps_per_generation: [16, `${R1}, methods: 8,192 outputs in 16 minibatches`],
  num_iterations: [1, `${R1}, methods: a single inner epoch`],
  max_completion_length: [32_768, `${R1}, methods: 32,768 tokens`],
  sync_ref_model: [true, `${R1}, methods: the reference is replaced`],
  ref_model_sync_steps: [400, `${R1}, methods: every 400 steps`],
  ref_model_mixup_alpha: [1, `${R1}, methods: by the latest policy`],
};

/** The presets, R1's first. */
export const PRESETS: readonly Preset[] = [
  {
    name: "r1-zero",
    title: "DeepSeek-R1-Zero (2501.12948v2)",
    values: { ...R1_COMMON, max_steps: [10_400, `${R1}, methods: 10,400 steps`] },
    notes: [
      "max_completion_length rises to 65,536 after step 8,200",
      "rewards: accuracy and format, of equal weight",
      "epsilon is not stated for this run",
    ],
  },
  {
    name: "r1-stage-1",
    title: "DeepSeek-R1, first RL stage: reasoning (2501.12948v2)",
    values: { ...R1_COMMON, epsilon: [10, `${R1}, methods: GRPO clip ratio 10`] },
    notes: ["rewards: accuracy, format and language consistency, added"],
  },
  {
    name: "r1-stage-2",
    title: "DeepSeek-R1, second RL stage: all scenarios (2501.12948v2)",
    values: {
      ...R1_COMMON,
      epsilon: [10, `${R1}, methods: most parameters as in the first stage`],
      temperature: [0.7, `${R1}, methods: higher ones gave incoherent text`],
      max_steps: [1700, `${R1}, methods: 1,700 steps`],
    },
    notes: ["general data and preference rewards in the last 400 steps only"],
  },
  {
    name: "dapo",
    title: "DAPO (2503.14476)",
    values: {
      loss_type: ["dapo", "2503.14476, section 3.3"],
      scale_rewards: ["group", "2503.14476, eq. 9"],
      epsilon: [0.2, "2503.14476, section 4.1"],
      epsilon_high: [0.28, "2503.14476, sections 3.1 and 4.1"],
      beta: [0, "2503.14476, section 2.3"],
      learning_rate: [1e-6, "2503.14476, section 4.1"],
      lr_scheduler_type: ["constant", "2503.14476, section 4.1"],
      num_generations: [16, "2503.14476, section 4.1: 16 responses a prompt"],
      per_device_train_batch_size: [512, "2503.14476, section 4.1: mini-batch 512"],
      steps_per_generation: [16, "2503.14476, section 4.1: 16 updates a rollout of 512 x 16"],
      num_iterations: [1, "2503.14476, section 4.1"],
      warmup_steps: [320, "2503.14476, section 4.1: 20 rollout steps of 16 updates"],
      max_completion_length: [20_480, "2503.14476, section 4.1: 16,384 + 4,096 tokens"],
    },
    notes: [
      "soft punishment of the last 4,096 tokens is a reward (section 3.4)",
      "groups without variance are sampled again (section 3.2); here they count nothing",
    ],
  },
  {
    name: "dr-grpo",
    title: "Dr. GRPO (2503.20783)",
    values: {
      loss_type: ["dr_grpo", "2503.20783, section 3.2"],
      scale_rewards: ["none", "2503.20783, section 3.2"],
      beta: [0, "the authors' published command (sail-sg/understand-r1-zero)"],
      learning_rate: [1e-6, "the authors' published command"],
      lr_scheduler_type: ["constant", "the authors' published command"],
      temperature: [1, "the authors' published command"],
      num_generations: [8, "the authors' published command"],
      per_device_train_batch_size: [128, "the authors' published command"],
      num_iterations: [1, "the authors' published command"],
      max_completion_length: [3000, "the authors' published command"],
    },
    notes: ["rewards: accuracy alone"],
  },
];

/** The values of a preset, by TRL's names. */
export function presetValues({ values }: Preset): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, [value]]) => [name, value]));
}
