/** What a run of training is told, all values set. Types only: `config/read_run_config.ts` reads and checks files. */
import type { AdvantageScale } from "../advantage.ts";
import type { ResolvedGrpoConfig } from "../config.ts";
import type { ScheduleType } from "../optim/schedule.ts";
import type { GuardLimits } from "../trainer/guards.ts";

/** A run: which of them `kind` says. */
export type RunConfig = GrpoRunConfig | SftRunConfig;

/** Adapters to train instead of all weights (LoRA, Hu et al. 2106.09685). */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  /** Ends of modules' paths (`q_proj`), GGUF's names (`attn_q`) or `all-linear`. */
  readonly targets: readonly string[];
  /** Share of inputs that training drops. */
  readonly dropout: number;
  /** Whether products are scaled by alpha / sqrt(rank) (2312.03732) rather than alpha / rank. */
  readonly rslora: boolean;
}

/** Problems: a built-in task, or rows of a file. */
export type TaskConfig = BuiltInTask | FileTask;

/** A task by name, with options of its own. */
export interface BuiltInTask {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Rows of a file. */
export interface FileTask {
  readonly file: string;
  /** `jsonl`, `gsm8k`, ... */
  readonly format: string;
  readonly promptColumn: string;
  /** `null`: there is none, rewards do without. */
  readonly answerColumn: string | null;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A reward function: built in, or the default export of a module. */
export interface RewardConfig {
  /** Under which its metrics stand. */
  readonly name: string;
  /** Path or URL of a module; `null`: built in. */
  readonly module: string | null;
  /** `null`: the module's own, else 1. */
  readonly weight: number | null;
  /** After so long its rows of a step are null; `null`: the module's own, else 60,000. */
  readonly timeoutMs: number | null;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What all kinds of runs are told. */
export interface CommonRunConfig {
  /** A path, URL, `hf:ORG/REPO/FILE.gguf` or name. */
  readonly model: string;
  /** `null`: all weights are trained. */
  readonly lora: LoraConfig | null;
  /** A peft folder or GGUF file of adapters to begin with. */
  readonly adapter: string | null;
  readonly learningRate: number;
  readonly lrSchedulerType: ScheduleType;
  readonly warmupSteps: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number;
  readonly weightDecay: number;
  /** Larger norms of all gradients together are scaled down to it; `null`: none are. */
  readonly maxGradNorm: number | null;
  /** Steps of the optimizer; `null`: as many as `numTrainEpochs` make. */
  readonly maxSteps: number | null;
  readonly numTrainEpochs: number;
  /** Most tokens that are computed at once: less memory, the same bits. */
  readonly microBatchTokens: number;
  readonly gradientCheckpointing: boolean;
  readonly seed: number;
  readonly shuffleDataset: boolean;
  /** Steps between checkpoints; 0: one at the end. */
  readonly saveSteps: number;
  /** Completions of a step that are kept to be looked at. */
  readonly numSamples: number;
  /** `null`: the cores. */
  readonly threads: number | null;
  /** `null`: chosen by who starts the run. */
  readonly outputDir: string | null;
}

/** Reinforcement learning from groups of completions (GRPO, DeepSeekMath 2402.03300). */
export interface GrpoRunConfig extends CommonRunConfig {
  readonly kind: "grpo";
  /** What `policyLoss` takes. */
  readonly objective: ResolvedGrpoConfig;
  readonly task: TaskConfig;
  readonly rewards: readonly RewardConfig[];
  /** Stands before each conversation. */
  readonly systemPrompt: string | null;
  /** Completions of a prompt, G. */
  readonly numGenerations: number;
  /** Completions of a batch. */
  readonly perDeviceTrainBatchSize: number;
  /** Times that a round of completions is gone through, mu. */
  readonly numIterations: number;
  readonly scaleRewards: AdvantageScale;
  readonly maskTruncatedCompletions: boolean;
  /** Whether the reference model follows the policy. */
  readonly syncRefModel: boolean;
  readonly refModelSyncSteps: number;
  /** Share of the policy in the new reference: 1 replaces it, as R1 does; nothing else is there where it follows. */
  readonly refModelMixupAlpha: number;
  /** `null`: none. */
  readonly guards: GuardLimits | null;
}

/** Learning from given answers. */
export interface SftRunConfig extends CommonRunConfig {
  readonly kind: "sft";
  readonly data: {
    /** A conversation a line: `{"messages": [{"role", "content"}, ...]}`. */
    readonly file: string;
    readonly messagesColumn: string;
  };
  /** Whether only the assistant's tokens count. */
  readonly completionOnlyLoss: boolean;
  /** Whether short conversations share a row. */
  readonly packing: boolean;
  /** Most tokens of a conversation; longer ones are cut. */
  readonly maxLength: number;
  /** Sequences of a batch, or packs of them. */
  readonly perDeviceTrainBatchSize: number;
  /** Batches of a step of the optimizer. */
  readonly gradientAccumulationSteps: number;
}
