/** Advantages of rewards against TRL's. No losses. */
import { assert, assertAlmostEquals } from "@std/assert";
import { type AdvantageScale, groupAdvantages, type Reward } from "../../packages/grpo/mod.ts";
import { fixtureJson } from "../support/fixture.ts";
import { ADVANTAGE_ABSOLUTE } from "../support/tolerance.ts";

interface Reference {
  readonly cases: readonly {
    readonly scale_rewards: AdvantageScale;
    readonly num_generations: number;
    readonly reward_weights: readonly number[];
    readonly rewards_per_func: readonly (readonly Reward[])[];
    readonly advantages: readonly number[];
  }[];
}

Deno.test("advantages are TRL's: one or two reward functions, every scale, a null reward", () => {
  const { cases } = fixtureJson<Reference>("grpo/advantages.json");
  assert(cases.length >= 12, `${cases.length} cases`);
  for (const [index, one] of cases.entries()) {
    const advantages = groupAdvantages(one.rewards_per_func, {
      groupSize: one.num_generations,
      scale: one.scale_rewards,
      weights: one.reward_weights,
    });
    one.advantages.forEach((wanted, row) => {
      const message = `case ${index}, row ${row}: ${advantages[row]}, not ${wanted}`;
      assertAlmostEquals(advantages[row], wanted, ADVANTAGE_ABSOLUTE, message);
    });
  }
});
