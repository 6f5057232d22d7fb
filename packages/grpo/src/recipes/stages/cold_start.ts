/** Stage 2, cold start (R1-Dev1): some readable thoughts of Zero teach the base, not Zero itself. */
import { folderOf, type Stage } from "../stage/lab.ts";
import { fineTune } from "../stage/sft_training.ts";
import { sampleTraces } from "../stage/traces.ts";

/** Right, in form and in one language: such traces of Zero, then fine-tuning from the base. */
export const coldStart: Stage = {
  name: "cold_start",
  needs: ["pretrain", "r1_zero"],
  async run(lab) {
    const { cold_start: own } = lab.settings;
    const traces = await folderOf(lab, "cold_start").rows(() =>
      sampleTraces(lab, "cold_start", "r1_zero", own)
    );
    await fineTune(lab, "cold_start", "pretrain", traces, own);
  },
};
