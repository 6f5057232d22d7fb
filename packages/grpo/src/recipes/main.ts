/** A recipe from the command line: `deno run -A packages/grpo/src/recipes/main.ts NAME --preset P --out DIR [--seed S] [--resume] [--threads N]`. Shows steps as lines. */
import { parseArgs } from "node:util";
import process from "node:process";
import { runRecipe } from "./run_recipe.ts";

const { positionals: [name = "r1"], values } = parseArgs({
  allowPositionals: true,
  options: {
    preset: { type: "string", default: "mini" },
    out: { type: "string", default: "runs/recipe" },
    seed: { type: "string", default: "1" },
    threads: { type: "string" },
    resume: { type: "boolean", default: false },
  },
});
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());
const clock = () => `${(performance.now() / 1000).toFixed(0)}s`.padStart(6);
const { isFinished, report } = await runRecipe(name, {
  preset: values.preset,
  out: values.out,
  seed: Number(values.seed),
  resume: values.resume,
  threads: values.threads === undefined ? undefined : Number(values.threads),
  hooks: {
    signal: stop.signal,
    onStage: (stage, what) => console.log(clock(), stage, what),
    onMessage: (text, stage) => console.log(clock(), `${stage}: ${text}`),
    onStep({ step, totalSteps, metrics }, stage) {
      if (step % 10 !== 0 && step !== 1 && step !== totalSteps) return;
      const shown = [
        ...["completion_loss", "loss", "reward", "rewards/accuracy/mean", "rewards/format/mean"],
        ...["thought/mean_length", "thought/language", "kl", "entropy", "step_time"],
      ];
      const parts = shown.filter((key) => key in metrics)
        .map((key) =>
          `${key.replace(/^rewards\/|\/mean$|\/mean_length$/g, "")} ${metrics[key].toFixed(3)}`
        );
      console.log(clock(), `${stage} ${step}/${totalSteps}`, parts.join(", "));
    },
  },
});
console.log(clock(), isFinished ? `done: ${report}` : "stopped: --resume goes on");
