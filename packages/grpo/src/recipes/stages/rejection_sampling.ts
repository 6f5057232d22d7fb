/** Stage 4, rejection sampling and fine-tuning (R1-Dev3): the best of stage 3 and general data teach the base once more. */
import { nanoDocuments } from "../../tasks/mod.ts";
import { folderOf, type Lab, seedOf, type Stage } from "../stage/lab.ts";
import { fineTune, rowOf, type TraceRow } from "../stage/sft_training.ts";
import { sampleTraces } from "../stage/traces.ts";

/** Several completions a prompt, of which the good ones stay; gold answers of the general task; from the base again. */
export const rejectionSampling: Stage = {
  name: "rejection_sampling",
  needs: ["pretrain", "reasoning_rl"],
  async run(lab) {
    const { rejection_sampling: own } = lab.settings;
    const rows = await folderOf(lab, "rejection_sampling").rows(async () => [
      ...await sampleTraces(lab, "rejection_sampling", "reasoning_rl", own),
      ...generalRows(lab, own.generalCount),
    ]);
    await fineTune(lab, "rejection_sampling", "pretrain", rows, own);
  },
};

/** General problems with their answers in the language that is asked for. */
function generalRows(lab: Lab, count: number): TraceRow[] {
  const { document } = nanoDocuments({
    seed: seedOf(lab, "rejection_sampling"),
    tasks: { GENERAL: 1 },
    ...{ languages: lab.settings.languages, levels: lab.settings.levels },
    ...{ languageOf: "asked", taggedShare: 1 },
  });
  return Array.from({ length: count }, (_, i) => rowOf(document(i)));
}
