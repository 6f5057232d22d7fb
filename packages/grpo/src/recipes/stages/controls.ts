/** What distillation is held against: the same student by RL alone, on the traces' answers without thoughts, and on shuffled thoughts. */
import { CounterRandom } from "../../tasks/mod.ts";
import { folderOf, type Lab, seedOf, type Stage, type StageName } from "../stage/lab.ts";
import { reinforce } from "../stage/rl_training.ts";
import { fineTune, type TraceRow } from "../stage/sft_training.ts";

/** R1's own question (Table 6 of v1): does a small model get there by RL, as it does by distillation? */
export const studentRl: Stage = {
  name: "student_rl",
  needs: ["student"],
  run: (lab) => reinforce(lab, "student_rl", "student", lab.settings.student_rl),
};

/** The same prompts and answers without the thoughts: is it the thoughts? */
export const studentDirect: Stage = {
  name: "student_direct",
  needs: ["student", "distill"],
  run: (lab) =>
    changedTraces(lab, "student_direct", (row) => ({ ...row, completion: withThought(row, []) })),
};

/** The same prompts, answers and words of the thoughts in random order: is it their order? */
export const studentShuffled: Stage = {
  name: "student_shuffled",
  needs: ["student", "distill"],
  run: (lab) =>
    changedTraces(lab, "student_shuffled", (row, at) => {
      const random = new CounterRandom(seedOf(lab, "student_shuffled"), SHUFFLE_STREAM, at);
      return { ...row, completion: withThought(row, random.shuffled(thoughtOf(row))) };
    }),
};

/** Stream of the order of a thought's words. */
const SHUFFLE_STREAM = 110;

async function changedTraces(
  lab: Lab,
  stage: "student_direct" | "student_shuffled",
  change: (row: TraceRow, at: number) => TraceRow,
): Promise<void> {
  const traces = await rowsOf(lab, "distill");
  const rows = await folderOf(lab, stage).rows(() => Promise.resolve(traces.map(change)));
  await fineTune(lab, stage, "student", rows, lab.settings[stage]);
}

/** Rows that a stage has learned from. */
function rowsOf(lab: Lab, stage: StageName): Promise<TraceRow[]> {
  return folderOf(lab, stage).rows<TraceRow>(() =>
    Promise.reject(new Error(`The stage ${stage} has left no data`))
  );
}

const THOUGHT = /^ <think>(.*?) <\/think>/;

function thoughtOf({ completion }: TraceRow): string[] {
  const [, thought = ""] = THOUGHT.exec(completion) ?? [];
  return thought.split(" ").filter((word) => word !== "");
}

function withThought({ completion }: TraceRow, words: readonly string[]): string {
  return completion.replace(THOUGHT, ["", "<think>", ...words, "</think>"].join(" "));
}
