/** Stage 3, reasoning RL (R1-Dev2): as Zero, from the cold start, with a reward for the language that is asked for. */
import type { Stage } from "../stage/lab.ts";
import { reinforce } from "../stage/rl_training.ts";

/** What the cold start has cost comes back, and thoughts stay in one language. */
export const reasoningRl: Stage = {
  name: "reasoning_rl",
  needs: ["cold_start"],
  run: (lab) => reinforce(lab, "reasoning_rl", "cold_start", lab.settings.reasoning_rl),
};
