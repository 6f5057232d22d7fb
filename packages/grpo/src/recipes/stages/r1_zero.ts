/** Stage 1, R1-Zero (2501.12948v2, section 2): reinforcement learning on the base, rewards for right answers and form alone. */
import type { Stage } from "../stage/lab.ts";
import { reinforce } from "../stage/rl_training.ts";

/** Thoughts grow because they are right more often; nobody shows any, and their language stays mixed. */
export const r1Zero: Stage = {
  name: "r1_zero",
  needs: ["pretrain"],
  run: (lab) => reinforce(lab, "r1_zero", "pretrain", lab.settings.r1_zero),
};
