/** Tests of read_run_config.ts: both spellings, presets, defaults, refusals by name, round trips. Trains nothing. */
import { assertEquals, assertThrows } from "@std/assert";
import type { GrpoRunConfig, SftRunConfig } from "../run_config.ts";
import { DEFAULT_LIMITS } from "../../trainer/guards.ts";
import { configJson } from "./config_json.ts";
import { PRESETS } from "./presets.ts";
import { parseRunConfig, readRunConfig } from "./read_run_config.ts";

const LEAST = { model: "m.gguf", task: "sums", rewards: ["accuracy"] };

function grpo(values: object = {}): GrpoRunConfig {
  return readRunConfig({ ...LEAST, ...values }) as GrpoRunConfig;
}

function refuse(values: object, message: string): void {
  const error = assertThrows(() => readRunConfig({ ...LEAST, ...values }), Error, message);
  assertEquals(error.message.includes("\n"), false);
}

Deno.test("defaults are TRL's", () => {
  const { objective, guards, ...config } = grpo();
  assertEquals(config, {
    kind: "grpo",
    model: "m.gguf",
    lora: null,
    adapter: null,
    learningRate: 1e-6,
    lrSchedulerType: "linear",
    warmupSteps: 0,
    adamBeta1: 0.9,
    adamBeta2: 0.999,
    adamEpsilon: 1e-8,
    weightDecay: 0,
    maxGradNorm: 1,
    maxSteps: null,
    numTrainEpochs: 3,
    microBatchTokens: 4096,
    gradientCheckpointing: true,
    seed: 42,
    shuffleDataset: true,
    saveSteps: 500,
    numSamples: 4,
    threads: null,
    outputDir: null,
    task: { name: "sums", options: {} },
    rewards: [{ name: "accuracy", module: null, weight: null, timeoutMs: null, options: {} }],
    systemPrompt: null,
    numGenerations: 8,
    perDeviceTrainBatchSize: 8,
    numIterations: 1,
    scaleRewards: "group",
    maskTruncatedCompletions: false,
    syncRefModel: false,
    refModelSyncSteps: 512,
    refModelMixupAlpha: 1,
  });
  assertEquals([objective.lossType, objective.maxCompletionLength], ["dapo", 512]);
  assertEquals(guards, DEFAULT_LIMITS);
});

Deno.test("TRL's file and ours mean the same", () => {
  const trl = grpo({
    model: undefined,
    model_name_or_path: "m.gguf",
    use_peft: true,
    lora_r: 8,
    lora_target_modules: ["q_proj"],
    reward_funcs: ["accuracy", "format"],
    reward_weights: [1, 0.5],
    rewards: undefined,
    loss_type: "dr_grpo",
    scale_rewards: false,
    generation_batch_size: 32,
    max_steps: -1,
    top_p: 1.0,
    use_vllm: false,
    logging_steps: 10,
    min_p: null,
  });
  const own = grpo({
    lora: { rank: 8, targets: "q_proj" },
    rewards: [{ name: "accuracy", weight: 1 }, { name: "format", weight: 0.5 }],
    lossType: "dr_grpo",
    scaleRewards: "none",
    stepsPerGeneration: 4,
  });
  assertEquals(trl, own);
});

Deno.test("tasks and rewards keep options of their own, modules are called by their file", () => {
  const { task, rewards } = grpo({
    task: { file: "a.jsonl", answer_column: "gold", hint: 1 },
    rewards: [{ module: "./mine/brief.ts", limit: 9 }, { name: "length", timeout_ms: 5 }, "a/b.js"],
  });
  assertEquals(task, {
    file: "a.jsonl",
    format: "jsonl",
    promptColumn: "prompt",
    answerColumn: "gold",
    options: { hint: 1 },
  });
  for (const answer of [{ answer_column: null }, { answerColumn: null }]) {
    const read = grpo({ task: { file: "a.jsonl", ...answer } });
    assertEquals([read.task].map((one) => "file" in one && one.answerColumn), [null]);
    assertEquals(grpo(configJson(read)), read);
  }
  assertEquals(rewards.map(({ name, options }) => [name, options]), [
    ["brief", { limit: 9 }],
    ["length", {}],
    ["b", {}],
  ]);
  assertEquals(rewards.map(({ module }) => module), ["./mine/brief.ts", null, "a/b.js"]);
});

Deno.test("a preset gives what a file does not", () => {
  const { objective, ...config } = grpo({ preset: "r1-zero", perDeviceTrainBatchSize: 16 });
  assertEquals([config.learningRate, config.perDeviceTrainBatchSize], [3e-6, 16]);
  assertEquals([objective.lossType, objective.beta, objective.stepsPerGeneration], [
    "grpo",
    0.001,
    16,
  ]);
  for (const { name, values } of PRESETS) {
    grpo({ preset: name });
    for (const [, source] of Object.values(values)) assertEquals(source.length > 10, true);
  }
  const stage = grpo({ preset: "r1-stage-1", generation_batch_size: 1024 });
  assertEquals(stage.objective.stepsPerGeneration, 2);
  refuse({ preset: "r1-zer" }, 'preset is "r1-zer"; did you mean r1-zero?');
});

Deno.test("what is written reads again to the same", () => {
  const configs = [
    grpo(),
    grpo({ guards: false, max_grad_norm: 0, delta: 4, preset: "dapo", lora: {} }),
    grpo({ task: { file: "x", camelCase: { innerName: 1 } }, maxSteps: 3 }),
    readRunConfig({ kind: "sft", model: "m", data: "chats.jsonl" }),
  ];
  for (const config of configs) {
    assertEquals(readRunConfig(JSON.parse(JSON.stringify(configJson(config)))), config);
  }
});

Deno.test("sft: data, packing, its own rate", () => {
  const config = readRunConfig({ kind: "sft", model: "m", data: "chats.jsonl" }) as SftRunConfig;
  assertEquals(config.data, { file: "chats.jsonl", messagesColumn: "messages" });
  assertEquals([config.learningRate, config.packing, config.completionOnlyLoss], [
    2e-5,
    true,
    true,
  ]);
  assertThrows(() => readRunConfig({ kind: "sft", model: "m" }), TypeError, "data is missing");
  assertThrows(
    () => readRunConfig({ kind: "sft", model: "m", data: "x", num_generations: 4 }),
    TypeError,
    "num_generations is no known name",
  );
});

Deno.test("what is wrong is named with its value and what is allowed", () => {
  refuse({ num_generation: 8 }, "num_generation is no known name; did you mean num_generations?");
  refuse({ zebra: 8 }, "zebra is no known name; the schema");
  refuse({ kind: "dpo" }, 'kind is "dpo", it must be one of grpo, sft');
  refuse({ model: null }, "model is missing");
  refuse({ rewards: [] }, "rewards is empty");
  refuse({ rewards: ["a", "a"] }, 'rewards has "a" twice');
  refuse({ rewards: ["b", { name: "a", metric: "b" }] }, 'rewards has "b" twice');
  assertEquals(grpo({ rewards: ["a", { name: "a", metric: "b" }] }).rewards.length, 2);
  refuse({ rewards: [{ weight: 1 }] }, "rewards[0] has neither name nor module");
  refuse(
    { rewards: [{ name: "a", weight: "1" }] },
    'rewards[0].weight is "1", it must be a number',
  );
  refuse({ reward_weights: [1, 2] }, "reward_weights has 2 weights");
  refuse({ task: { name: "a", file: "b" } }, "task has both name and file");
  refuse({ task: {} }, "task has neither name nor file");
  refuse({ lora: { rank: 0 } }, "lora.rank is 0, it must be a whole number above 0");
  refuse({ lora: { rnak: 1 } }, "lora.rnak is no known name; did you mean rank?");
  refuse({ lora: {}, lora_r: 4 }, "lora_r and lora are both given");
  refuse({ num_generations: 1 }, "num_generations is 1, it must be a whole number of at least 2");
  refuse({ num_generations: 3 }, "num_generations is 3, it must divide the 8 completions");
  refuse({ gradient_accumulation_steps: 2, steps_per_generation: 3 }, "steps_per_generation is 3");
  refuse({ generation_batch_size: 12 }, "generation_batch_size is 12, it must be a multiple");
  refuse({ generation_batch_size: 8, steps_per_generation: 1 }, "are both given");
  refuse({ top_p: 0.9 }, "top_p is 0.9: GRPO needs the whole distribution");
  refuse({ topK: 5 }, "topK is 5: GRPO needs the whole distribution");
  refuse({ repetition_penalty: 1.1 }, "repetition_penalty is 1.1: GRPO needs");
  refuse({ use_vllm: true }, "use_vllm is true: one engine samples and trains");
  refuse({ sync_ref_model: true }, "sync_ref_model is true, but beta is 0");
  refuse({ loss_type: "vespo" }, 'loss_type is "vespo", it must be one of grpo');
  refuse({ lossType: "grpo", loss_type: "grpo" }, "is given twice, in two spellings");
  refuse({ scale_rewards: 2 }, "scale_rewards is 2, it must be one of group, batch, none");
  refuse({ seed: 1.5 }, "seed is 1.5, it must be a whole number of at least 0");
  refuse({ guards: { stop_after: 0 } }, "guards.stop_after is 0");
  refuse(
    { sync_ref_model: true, beta: 1, ref_model_mixup_alpha: 0.6 },
    "ref_model_mixup_alpha is 0.6",
  );
  assertThrows(() => readRunConfig([]), TypeError, "The configuration is [], it must be an object");
});

Deno.test("files may have comments; mistakes are told by line and column", () => {
  const config = parseRunConfig(
    `{ // a model\n "model": "m", "task": "t", "rewards": ["a"],\n}`,
    "c",
  );
  assertEquals(config.model, "m");
  const wrong = (text: string, message: string) =>
    assertThrows(() => parseRunConfig(text, "c.jsonc"), SyntaxError, message);
  wrong(`{\n "a" 1 }`, "c.jsonc:2:6: colon expected");
  wrong(`{"a": 1,\n "a": 2}`, 'c.jsonc:2:2: "a" is given twice');
  wrong("", "c.jsonc");
  assertThrows(
    () => parseRunConfig(`{"__proto__": {}}`, "c"),
    TypeError,
    "__proto__ is no known name",
  );
});
