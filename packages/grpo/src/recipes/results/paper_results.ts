/** What DeepSeek-R1 reports of its own stages, to be put beside. Data only. */

/** A model of the paper: pass@1 in percent; null: not told. */
export interface PaperRow {
  readonly model: string;
  /** The stage here that does what its stage did. */
  readonly stage: string;
  readonly aime2024: number;
  readonly math500: number | null;
  readonly gpqa: number | null;
  readonly liveCodeBench: number | null;
}

/**
 * R1's stages and distills (2501.12948v2, table "Experimental results at each stage"; v1, tables 5 and 6): pass@1 as the mean
 * over 64 samples (AIME, GPQA), 16 (MATH-500) or 8 (LiveCodeBench) at temperature 0.6, top-p 0.95.
 */
export const PAPER_RESULTS: readonly PaperRow[] = [
  paper("DeepSeek-V3-Base with R1-Zero's template", "pretrain", 15.6, null, null, null),
  paper("R1-Zero", "r1_zero", 77.9, 95.9, 75.8, 50.0),
  paper("R1-Dev1", "cold_start", 59.0, 94.2, 66.1, 57.5),
  paper("R1-Dev2", "reasoning_rl", 74.0, 95.9, 70.7, 63.5),
  paper("R1-Dev3", "rejection_sampling", 78.1, 95.4, 71.2, 64.6),
  paper("R1", "general_rl", 79.8, 97.3, 71.5, 65.9),
  paper("R1-Distill-Qwen-1.5B", "distill", 28.9, 83.9, 33.8, 16.9),
  paper("R1-Distill-Qwen-32B", "distill", 72.6, 94.3, 62.1, 57.2),
  paper("R1-Zero-Qwen-32B (RL alone)", "student_rl", 47.0, 91.6, 55.0, 40.2),
];

function paper(
  model: string,
  stage: string,
  aime2024: number,
  math500: number | null,
  gpqa: number | null,
  liveCodeBench: number | null,
): PaperRow {
  return { model, stage, aime2024, math500, gpqa, liveCodeBench };
}
