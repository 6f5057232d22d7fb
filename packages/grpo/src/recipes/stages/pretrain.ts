/** Stage 0, and the student's: a base model that knows thinking as one of two ways to answer. */
import { trainBase } from "../stage/base_training.ts";
import type { Stage } from "../stage/lab.ts";

/** DeepSeek-V3-Base in small: nothing goes on before the completions' loss is below the gate. */
export const pretrain: Stage = {
  name: "pretrain",
  needs: [],
  run: (lab) => trainBase(lab, "pretrain", lab.settings.pretrain),
};

/** A dense base of the student's size: what R1's distills began with. */
export const student: Stage = {
  name: "student",
  needs: [],
  run: (lab) => trainBase(lab, "student", lab.settings.student),
};
