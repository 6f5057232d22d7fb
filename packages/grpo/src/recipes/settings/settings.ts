/** What the stages of the R1 recipe are told. Types only: the values stand in `settings_table.ts`. */
import type { ModelShape } from "../../model/shape.ts";
import type { Language, NanoDraws, NanoTaskName } from "../../tasks/mod.ts";

/** Weights of tasks, of any sum. */
export type TaskWeights = Readonly<Partial<Record<NanoTaskName, number>>>;

/** Pre-training on documents of which some think (nano study, sections 2 and 4). */
export interface PretrainStageSettings {
  readonly shape: ModelShape;
  readonly tasks: TaskWeights;
  /** Share of reasoning problems whose document thinks. */
  readonly thoughtShare: number;
  /** Share of documents in tags; the others end as texts of the web would. */
  readonly taggedShare: number;
  /** Documents of a step. */
  readonly batchDocuments: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** The gate: held-out loss of completions, nats a token, that must be reached before anything else begins. */
  readonly completionLossLimit: number;
  /** Steps that are added, with the schedule begun anew, as long as it is not. */
  readonly restartSteps: number;
  /** After so many steps in all the recipe gives up. */
  readonly mostSteps: number;
}

/** Reinforcement learning: GRPO with rule-based rewards. */
export interface RlStageSettings {
  readonly tasks: TaskWeights;
  readonly steps: number;
  /** Prompts of a step. */
  readonly prompts: number;
  /** G, completions of a prompt. */
  readonly group: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** Weight of the divergence from the model that the stage began with. */
  readonly beta: number;
  readonly temperature: number;
  readonly rewards: readonly ("accuracy" | "format" | "language_consistency")[];
  /** Whether the run ends when thoughts collapse or the policy drifts off. */
  readonly hasGates: boolean;
}

/** Completions of a model that are kept where they pass the filters. */
export interface TraceSettings {
  readonly tasks: TaskWeights;
  /** Completions of each prompt. */
  readonly samplesEach: number;
  readonly temperature: number;
  /** Traces that are wanted, shared among the tasks by their weights. */
  readonly count: number;
}

/** Supervised fine-tuning on traces. */
export interface SftStageSettings {
  readonly epochs: number;
  /** Sequences of a step. */
  readonly batch: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
}

/** How each stage's model is measured. */
export interface EvaluationSettings {
  readonly tasks: TaskWeights;
  /** Held-out problems of each task. */
  readonly problems: number;
  /** Completions of a problem. */
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  /** Thinking budgets of the last stage's curve. */
  readonly budgets: readonly number[];
}

/** All of a recipe. */
export interface RecipeSettings {
  readonly languages: readonly Language[];
  /** Levels of tasks, where not all are wanted. */
  readonly levels: NonNullable<NanoDraws["levels"]>;
  /** Most tokens of a completion. */
  readonly maxTokens: number;
  readonly pretrain: PretrainStageSettings;
  readonly r1_zero: RlStageSettings;
  readonly cold_start: TraceSettings & SftStageSettings;
  readonly reasoning_rl: RlStageSettings;
  /** `generalCount`: gold documents of the general task that are added to the traces. */
  readonly rejection_sampling: TraceSettings & SftStageSettings & { readonly generalCount: number };
  readonly general_rl: RlStageSettings;
  readonly student: PretrainStageSettings;
  readonly distill: TraceSettings & SftStageSettings;
  readonly student_rl: RlStageSettings;
  /** The controls: the same prompts with direct answers, and with shuffled thoughts. */
  readonly student_direct: SftStageSettings;
  readonly student_shuffled: SftStageSettings;
  readonly evaluation: EvaluationSettings;
}
