/** Tests of config_schema.ts: schema and reader take and refuse the same, the published files are those made. */
import { assert, assertEquals } from "@std/assert";
import { Validator } from "@cfworker/json-schema";
import { readFileSync } from "node:fs";
import { SCHEMA_PATH, TRL_PATH, withNames } from "../../../schema/build.ts";
import { runConfigSchema } from "./config_schema.ts";
import { readRunConfig } from "./read_run_config.ts";

const GRPO = { model: "m", task: "t", rewards: ["a"] };
const SFT = { kind: "sft", model: "m", data: "d" };

// What stands together is the reader's matter: these values fit any of them.
const FITTING = { num_generations: 8, per_device_train_batch_size: 8, epsilon_high: 5, beta: 1 };

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 2, 0.5, 1.5, 1e-7, 8, 16, 1e300, "", "x", [], {}],
  ...["group", "linear", "constant_with_warmup", "dapo", "sequence", "r1-zero", ["x"], [1], [""]],
  ...[{ rank: 4 }, { rank: 0 }, { r: 4, lora_alpha: 2 }, { file: "f" }, { name: "n", more: [1] }],
  ...[{ file: "f", format: 3 }, [{ module: "m.ts" }], [{ name: "n", weight: "1" }], [{}]],
  ...[{ stop_after: 3 }, { stopAfter: 1.5 }, { kl: 0.5 }, { messages_column: "c" }, {
    messagesColumn: "c",
    file: "f",
  }],
];

/** Errors of values that do not fit together. */
const TOGETHER =
  /must divide|must be a multiple|both given|but beta is 0|not mixed|twice|one for each|but lora/;

Deno.test("the schema takes what the reader takes, name by name", () => {
  const schema = runConfigSchema() as { then: Part; else: Part };
  // deno-lint-ignore no-explicit-any -- the validator's own type of schemas
  const validator = new Validator(schema as any, "2020-12");
  let taken = 0;
  for (
    const [base, part] of [[{ ...FITTING, ...GRPO }, schema.else], [SFT, schema.then]] as const
  ) {
    for (const name of [...Object.keys(part.properties), "zebra"]) {
      for (const value of VALUES) {
        const config = { ...without(base, name), [name]: value };
        const error = errorOf(config);
        if (error && TOGETHER.test(error)) continue;
        const { valid } = validator.validate(config);
        assertEquals(valid, error === undefined, `${JSON.stringify(config)}: ${error}`);
        if (valid) taken++;
      }
    }
  }
  assert(taken > 500);
});

type Part = { properties: object };

/** A base without a name in any spelling, so that it is not given twice. */
function without(base: object, name: string): object {
  const plain = (key: string) => key.replaceAll("_", "").toLowerCase();
  const others: Record<string, string> = { modelnameorpath: "model", rewardfuncs: "rewards" };
  const gone = others[plain(name)] ?? plain(name);
  return Object.fromEntries(Object.entries(base).filter(([key]) => plain(key) !== gone));
}

function errorOf(config: object): string | undefined {
  try {
    readRunConfig(config);
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("schema and lists are published as they are made now", () => {
  assertEquals(
    JSON.parse(readFileSync(SCHEMA_PATH, "utf8")),
    JSON.parse(JSON.stringify(runConfigSchema())),
  );
  const words = (text: string) => text.split(/\s+/).join(" ").trim();
  const document = readFileSync(TRL_PATH, "utf8");
  assertEquals(words(withNames(document)), words(document));
});

/** Of TRL 1.16's GRPOConfig, those of its parents apart. */
const TRL_FIELDS =
  `learning_rate model_init_kwargs trust_remote_code router_aux_loss_coef disable_dropout
cast_lm_head_to_fp32 remove_unused_columns num_generations num_generations_eval max_completion_length
ds3_gather_for_generation shuffle_dataset pad_to_multiple_of generation_batch_size steps_per_generation
temperature top_p top_k min_p generation_kwargs chat_template_kwargs repetition_penalty
cache_implementation use_vllm vllm_mode vllm_model_impl vllm_enable_sleep_mode
vllm_structured_outputs_regex vllm_server_base_url vllm_server_host vllm_server_port
vllm_server_timeout vllm_group_port vllm_gpu_memory_utilization vllm_max_model_length
vllm_tensor_parallel_size beta num_iterations epsilon delta epsilon_high sapo_temperature_neg
sapo_temperature_pos vespo_k_pos vespo_lambda_pos vespo_k_neg vespo_lambda_neg
importance_sampling_level reward_weights multi_objective_aggregation scale_rewards loss_type
mask_truncated_completions sync_ref_model ref_model_mixup_alpha ref_model_sync_steps
top_entropy_quantile entropy_coef use_adaptive_entropy entropy_coef_min entropy_coef_max
entropy_coef_delta entropy_target max_tool_calling_iterations vllm_importance_sampling_correction
vllm_importance_sampling_mode vllm_importance_sampling_clip_max vllm_importance_sampling_clip_min
off_policy_mask_threshold use_bias_correction_kl log_completions log_multimodal
num_completions_to_print log_unique_prompts log_completions_hub_repo
use_transformers_continuous_batching transformers_continuous_batching_config use_transformers_paged
vllm_importance_sampling_cap logging_steps gradient_checkpointing bf16 lr_scheduler_kwargs
use_liger_kernel torch_empty_cache_steps`.split(/\s+/);

Deno.test("every field of TRL's GRPOConfig has a place", () => {
  const { properties } = (runConfigSchema() as { else: Part }).else;
  assertEquals(TRL_FIELDS.filter((name) => !Object.hasOwn(properties, name)), []);
});
