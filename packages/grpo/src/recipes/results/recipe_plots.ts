/** The curves of a recipe that are worth a picture of their own. Draws none. */
import type { CurveSection } from "../../report/sections.ts";
import { budgetCurve, rlCurves, voteCurve } from "./recipe_sections.ts";
import type { StageResult } from "./stage_results.ts";

/** By file name; those of stages that are not done are left out. */
export function recipePlots(results: readonly StageResult[]): Record<string, CurveSection> {
  const of = (stages: readonly string[]) => results.filter(({ stage }) => stages.includes(stage));
  const reasoners = of(["r1_zero", "reasoning_rl", "general_rl"]);
  const [last] = of(["general_rl"]);
  const [accuracy, thought] = reasoners.length > 0 ? rlCurves(reasoners) : [];
  return {
    ...(accuracy && { "accuracy.svg": { ...accuracy, title: "Accuracy over RL steps" } }),
    ...(thought && { "thoughts.svg": { ...thought, title: "Tokens of a thought over RL steps" } }),
    ...(last && {
      "budgets.svg": { ...budgetCurve(last), title: "Accuracy against thinking budget" },
      "votes.svg": { ...voteCurve(last), title: "Accuracy of the majority of votes" },
    }),
  };
}
