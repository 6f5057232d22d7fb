/** TRL's names that Aha takes only where they change nothing, each with the reason. Reads nothing. */
import type { RefusedName } from "../../settings/settings_table.ts";

/** Names that share a reason; after each the values that mean what happens here anyway, besides null. */
type Group = readonly [reason: string, names: Readonly<Record<string, readonly unknown[] | "any">>];

const DISTRIBUTION =
  "GRPO needs the whole distribution: what is cut off or reweighted here would " +
  "be missing from the ratios";
const ONE_ENGINE = "one engine samples and trains, so there is nothing to set or correct";
const PRECISION = "training computes in float32, over weights of the type that the model has";
const ONE_PROCESS = "a run is one process with threads; give threads";
const METRICS = "every step is written to metrics.jsonl, samples.jsonl and report.html";
const HUB = "nothing is uploaded; the run's folder holds all files";
const EVALUATION = "a run does not evaluate; aha eval measures a model or checkpoint";
const OBJECTIVE = "this term of the objective is not there";
const LOADER = "rows are made when they are needed, all columns go to the rewards";
const CONSOLE = "the terminal shows the run; --json prints its summary";
const KERNELS = "kernels are chosen by Aha";

const GROUPS: readonly Group[] = [
  [DISTRIBUTION, {
    top_p: [1],
    top_k: [0, -1],
    min_p: [0],
    repetition_penalty: [1],
    presence_penalty: [0],
    frequency_penalty: [0],
    generation_kwargs: [{}],
  }],
  [ONE_ENGINE, {
    use_vllm: [false],
    vllm_mode: ["colocate"],
    vllm_model_impl: ["vllm"],
    vllm_enable_sleep_mode: [false],
    vllm_structured_outputs_regex: [],
    vllm_server_base_url: [],
    vllm_server_host: ["0.0.0.0"],
    vllm_server_port: [8000],
    vllm_server_timeout: [240],
    vllm_group_port: [51216],
    vllm_gpu_memory_utilization: [0.3],
    vllm_max_model_length: [],
    vllm_tensor_parallel_size: [1],
    vllm_importance_sampling_correction: [true, false],
    vllm_importance_sampling_mode: ["sequence_mask"],
    vllm_importance_sampling_clip_max: [3],
    vllm_importance_sampling_clip_min: [],
    vllm_importance_sampling_cap: [],
    use_transformers_continuous_batching: [false],
    transformers_continuous_batching_config: [],
    use_transformers_paged: [false],
    cache_implementation: [],
    off_policy_mask_threshold: [],
  }],
  [PRECISION, {
    bf16: [false],
    fp16: [false],
    tf32: [false],
    bf16_full_eval: [false],
    fp16_full_eval: [false],
    cast_lm_head_to_fp32: "any",
    dtype: ["float32"],
    load_in_8bit: [false],
    load_in_4bit: [false],
    bnb_4bit_quant_type: ["nf4"],
    use_bnb_nested_quant: [false],
    bnb_4bit_quant_storage: [],
  }],
  [ONE_PROCESS, {
    ds3_gather_for_generation: [true],
    average_tokens_across_devices: "any",
    use_cpu: "any",
    accelerator_config: [],
    parallelism_config: [],
    deepspeed: [],
    fsdp: [],
    fsdp_config: [],
    ddp_find_unused_parameters: [],
    ddp_bucket_cap_mb: [],
    ddp_broadcast_buffers: [],
    ddp_static_graph: [],
    ddp_backend: [],
    ddp_timeout: "any",
    local_rank: [-1],
    full_determinism: "any",
  }],
  [METRICS, {
    logging_strategy: "any",
    logging_steps: "any",
    logging_first_step: "any",
    log_on_each_node: "any",
    logging_nan_inf_filter: [false],
    include_num_input_tokens_seen: "any",
    log_completions: "any",
    log_multimodal: "any",
    log_unique_prompts: "any",
    log_completions_hub_repo: [],
    report_to: ["none"],
    run_name: "any",
    project: "any",
    trackio_space_id: [],
    trackio_bucket_id: [],
    trackio_static_space_id: [],
    skip_memory_metrics: "any",
  }],
  [HUB, {
    push_to_hub: [false],
    hub_token: [],
    hub_private_repo: [],
    hub_model_id: [],
    hub_strategy: ["every_save"],
    hub_always_push: [false],
    hub_revision: [],
  }],
  [EVALUATION, {
    num_generations_eval: [],
    eval_strategy: ["no"],
    eval_steps: [],
    eval_delay: [0],
    per_device_eval_batch_size: "any",
    prediction_loss_only: [false],
    eval_on_start: [false],
    eval_do_concat_batches: "any",
    eval_use_gather_object: [false],
    eval_accumulation_steps: "any",
    include_for_metrics: [[]],
    batch_eval_metrics: [false],
    load_best_model_at_end: [false],
    metric_for_best_model: [],
    greater_is_better: [],
    do_train: [true, false],
    do_eval: [false],
    do_predict: [false],
  }],
  [OBJECTIVE, {
    router_aux_loss_coef: [0],
    entropy_coef: [0],
    use_adaptive_entropy: [false],
    entropy_coef_min: [0],
    entropy_coef_max: [1],
    entropy_coef_delta: [0.005],
    entropy_target: [0.2],
    vespo_k_pos: [2],
    vespo_lambda_pos: [3],
    vespo_k_neg: [3],
    vespo_lambda_neg: [2],
    label_smoothing_factor: [0],
    neftune_noise_alpha: [],
  }],
  ["rewards are weighted and summed, then made advantages", {
    multi_objective_aggregation: ["sum_then_normalize"],
  }],
  ["there are no tools to call in a run", { max_tool_calling_iterations: [] }],
  ["the model's chat template is taken as it is", { chat_template_kwargs: [{}] }],
  ["nothing is padded", { pad_to_multiple_of: ["auto"] }],
  ["a GGUF file has everything that a model needs", {
    model_init_kwargs: [{}],
    trust_remote_code: [false],
    model_revision: ["main"],
    attn_implementation: [],
  }],
  ["no part of a model drops its inputs but adapters; give lora.dropout", {
    disable_dropout: [true, false],
  }],
  ["give the adapters in lora", {
    use_peft: [false],
    lora_target_parameters: [],
    lora_modules_to_save: [],
    lora_task_type: ["CAUSAL_LM"],
    use_dora: [false],
  }],
  [LOADER, {
    remove_unused_columns: [false],
    dataloader_drop_last: [false],
    dataloader_num_workers: "any",
    dataloader_pin_memory: "any",
    dataloader_persistent_workers: "any",
    dataloader_prefetch_factor: "any",
    dataloader_multiprocessing_context: [],
    dataloader_in_order: [true],
    label_names: [],
    length_column_name: ["length"],
    train_sampling_strategy: ["random"],
    ignore_data_skip: [false],
    data_seed: [],
  }],
  ["the optimizer is AdamW; give adam_beta1, adam_beta2, adam_epsilon, weight_decay", {
    optim: ["adamw_torch", "adamw_torch_fused"],
    optim_args: [],
    optim_target_modules: [],
  }],
  ["the schedule has no further values; give lr_scheduler_type and warmup_steps", {
    lr_scheduler_kwargs: [{}],
    warmup_ratio: [0],
  }],
  ["a checkpoint is whole and there is one: the last; give save_steps", {
    save_strategy: ["steps"],
    save_total_limit: [1],
    save_only_model: [false],
    save_on_each_node: [false],
    enable_jit_checkpoint: [false],
    restore_callback_states_from_checkpoint: [false],
    resume_from_checkpoint: [false],
  }],
  ["memory is planned before the first step; give micro_batch_tokens", {
    auto_find_batch_size: [false],
    torch_empty_cache_steps: "any",
  }],
  ["give gradient_checkpointing", {
    activation_checkpointing: [],
    activation_checkpointing_kwargs: [],
    gradient_checkpointing_kwargs: [],
  }],
  [KERNELS, {
    torch_compile: [false],
    torch_compile_backend: [],
    torch_compile_mode: [],
    use_liger_kernel: [false],
    liger_kernel_config: [],
    use_cache: "any",
  }],
  [CONSOLE, {
    log_level: "any",
    log_level_replica: "any",
    disable_tqdm: "any",
    debug: [""],
  }],
  ["prompts are never cut: what does not fit the model's context is an error", {
    max_prompt_length: [],
  }],
];

/** Names of TRL's GRPOConfig, TrainingArguments and ModelConfig that change nothing here or are refused. */
export const REFUSED_NAMES: readonly RefusedName[] = GROUPS.flatMap(([reason, names]) =>
  Object.entries(names).map(([name, harmless]) => ({ name, harmless, reason }))
);
