/** Distillation (R1 2501.12948v2, section 4 of v1): traces of the finished teacher teach a small dense model, by fine-tuning alone. */
import { folderOf, type Stage } from "../stage/lab.ts";
import { fineTune } from "../stage/sft_training.ts";
import { sampleTraces } from "../stage/traces.ts";

/** The student learns from right, readable traces of all tasks. */
export const distill: Stage = {
  name: "distill",
  needs: ["student", "general_rl"],
  async run(lab) {
    const { distill: own } = lab.settings;
    const traces = await folderOf(lab, "distill").rows(() =>
      sampleTraces(lab, "distill", "general_rl", own)
    );
    await fineTune(lab, "distill", "student", traces, own);
  },
};
