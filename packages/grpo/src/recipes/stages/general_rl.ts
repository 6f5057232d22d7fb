/** Stage 5, RL for all scenarios (R1): all tasks, a lower temperature, near to what stage 4 has taught. */
import type { Stage } from "../stage/lab.ts";
import { reinforce } from "../stage/rl_training.ts";

/** The last stage of the teacher: reasoning is kept, and so must be the general task. */
export const generalRl: Stage = {
  name: "general_rl",
  needs: ["rejection_sampling"],
  run: (lab) => reinforce(lab, "general_rl", "rejection_sampling", lab.settings.general_rl),
};
