/** The smallest recipe teaches thinking: a model made from nothing takes off by reinforcement learning, step by step as measured; the control does not. */
import { assert } from "@std/assert";
import {
  changedSettings,
  type RecipeSettings,
  recipeSettings,
  runRecipe,
  stageResults,
} from "@aha/grpo/recipes";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SEED = 1;

/** Runs base and Zero; gives what both have left. */
async function zero(preset: RecipeSettings) {
  const out = mkdtempSync(join(tmpdir(), "aha-recipe-"));
  try {
    await runRecipe("r1_zero", { preset, out, seed: SEED });
    const [base, trained] = stageResults(out);
    const metric = (name: string, first: number, last: number): number => {
      const window = trained.run.metrics.filter(({ step }) => step >= first && step <= last);
      return window.reduce((sum, { values }) => sum + values[name], 0) / window.length;
    };
    const accuracy = ({ evaluation }: typeof base) => evaluation.sections[0].measures.accuracy.mean;
    const noThink = ({ evaluation }: typeof base) => evaluation.sections[0].budgets[0].mean;
    return {
      base: { accuracy: accuracy(base), noThink: noThink(base) },
      trained: { accuracy: accuracy(trained), noThink: noThink(trained) },
      accuracy: (first: number, last: number) => metric("rewards/accuracy/mean", first, last),
      thought: (first: number, last: number) => metric("thought/mean_length", first, last),
    };
  } finally {
    rmSync(out, { recursive: true });
  }
}

function between(what: string, value: number, low: number, high: number): void {
  assert(value >= low && value <= high, `${what} is ${value}, it must be ${low} to ${high}`);
}

Deno.test("recipe ci: accuracy takes off by length alone, by the measured steps", async () => {
  const run = await zero(recipeSettings("ci"));
  between("the base's pass@1", run.base.accuracy, 0.2, 0.6);
  between("the base's pass@1 without thinking", run.base.noThink, 0, 0.25);
  between("accuracy at steps 1 to 2", run.accuracy(1, 2), 0.3, 0.65);
  between("tokens of a thought at steps 1 to 2", run.thought(1, 2), 1.5, 4);
  between("accuracy at steps 11 to 15", run.accuracy(11, 15), 0.75, 1);
  between("accuracy at steps 28 to 32", run.accuracy(28, 32), 0.9, 1);
  between("tokens of a thought at steps 36 to 40", run.thought(36, 40), 5.8, 6.5);
  between("Zero's pass@1", run.trained.accuracy, 0.97, 1);
  between("Zero's pass@1 without thinking", run.trained.noThink, 0, 0.25);
});

Deno.test("recipe ci, control: a base that has seen one thought in twenty does not take off", async () => {
  const never = { completionLossLimit: Infinity, thoughtShare: 0.05 };
  const run = await zero(changedSettings(recipeSettings("ci"), {
    pretrain: never,
    r1_zero: { hasGates: false },
  }));
  between("accuracy at steps 28 to 32", run.accuracy(28, 32), 0, 0.4);
  between("tokens of a thought at steps 36 to 40", run.thought(36, 40), 0, 1);
  between("pass@1", run.trained.accuracy, 0, 0.4);
});
