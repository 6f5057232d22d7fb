/** What all stages of a recipe share: folder, seed, settings, who is told. Trains nothing. */
import { StageFolder } from "./stage_folder.ts";
import { openTrainable } from "@aha/runtime/training";
import { fullPolicy, type Policy } from "../../policy/policy.ts";
import type { StepRecord } from "../../run/step_record.ts";
import type { RecipeSettings } from "../settings/settings.ts";

/** Names of the stages, in the order of the whole recipe. */
export const STAGE_NAMES = [
  "pretrain",
  "r1_zero",
  "cold_start",
  "reasoning_rl",
  "rejection_sampling",
  "general_rl",
  "student",
  "distill",
  "student_rl",
  "student_direct",
  "student_shuffled",
] as const;
export type StageName = (typeof STAGE_NAMES)[number];

/** Who is told of a recipe, and ends it. */
export interface RecipeHooks {
  /** `skipped`: it was done before. */
  readonly onStage?: (stage: StageName, what: "begins" | "done" | "skipped") => void;
  /** A training begins, or goes on after `step`. */
  readonly onStart?: (
    begun: { readonly step: number; readonly totalSteps: number },
    stage: StageName,
  ) => void;
  readonly onStep?: (record: StepRecord, stage: StageName) => void;
  /** A sentence about what happened: traces kept, a gate that closed, results. */
  readonly onMessage?: (text: string, stage: StageName) => void;
  /** Aborted: the step under way is finished and saved, and the recipe ends. */
  readonly signal?: AbortSignal;
}

/** A recipe under way. */
export interface Lab {
  /** Folder of the recipe; each stage has one of its own in it. */
  readonly out: string;
  readonly seed: number;
  readonly settings: RecipeSettings;
  readonly threads?: number;
  readonly hooks: RecipeHooks;
}

/** A stage: what it needs and what it does. Everything that it leaves is in its folder. */
export interface Stage {
  readonly name: StageName;
  /** Stages whose models it begins with or samples from. */
  readonly needs: readonly StageName[];
  run(lab: Lab): Promise<void>;
}

/** The folder of a stage. */
export function folderOf({ out }: Lab, stage: StageName): StageFolder {
  return new StageFolder(`${out}/${stage}`);
}

/** A seed of the stage's own, so that no two stages draw the same problems or random numbers. */
export function seedOf({ seed }: Lab, stage: StageName): number {
  return seed * 32 + STAGE_NAMES.indexOf(stage) + 1;
}

/** Tells a sentence. */
export function tell(lab: Lab, stage: StageName, text: string): void {
  folderOf(lab, stage).log(text);
  lab.hooks.onMessage?.(text, stage);
}

/** Opens a stage's model, or another one, runs something with it and closes it. */
export async function withPolicy<Result>(
  lab: Lab,
  where: StageName | Blob,
  run: (policy: Policy) => Promise<Result>,
): Promise<Result> {
  const place = where instanceof Blob ? where : folderOf(lab, where).modelPath;
  const model = await openTrainable(place, { threads: lab.threads });
  try {
    return await run(fullPolicy(model));
  } finally {
    await model.close();
  }
}
