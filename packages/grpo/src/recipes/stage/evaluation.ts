/** How a stage's model is measured: held-out problems of every task, no-think control, votes; of the last stage the curve of thinking budgets. Trains nothing. */
import { evaluate } from "../../eval/evaluate.ts";
import type { EvalReport } from "../../eval/report.ts";
import { nanoSuite } from "../../eval/suite.ts";
import { policyNetwork } from "../../policy/policy.ts";
import { rolloutSampler } from "../rollout_sampler.ts";
import { folderOf, type Lab, type StageName, tell, withPolicy } from "./lab.ts";
import { STAGE_FILES } from "./stage_folder.ts";

/** The same problems for all stages and seeds. */
export const SUITE_SEED = 1000;
const PROMPTS_A_CALL = 64;

/** Measures a stage's model, unless it is measured already. */
export async function evaluateStage(
  lab: Lab,
  stage: StageName,
  hasBudgets: boolean,
): Promise<EvalReport> {
  const folder = folderOf(lab, stage);
  const known = folder.read<EvalReport>(STAGE_FILES.evaluation);
  if (known) return known;
  const { settings: { languages, levels, maxTokens, evaluation }, hooks: { signal } } = lab;
  const { tasks, problems, samples, temperature, topP, budgets } = evaluation;
  const suite = nanoSuite({ seed: SUITE_SEED, tasks, languages, levels }, problems, {
    samples,
    maxTokens,
  });
  const report = await withPolicy(
    lab,
    stage,
    (policy) =>
      evaluate(rolloutSampler(policyNetwork(policy), policy.model.tokenizer), suite, {
        ...{ temperature, topP, signal, promptsPerCall: PROMPTS_A_CALL },
        budgets: hasBudgets ? budgets : [0],
      }),
  );
  await folder.writeJson(STAGE_FILES.evaluation, report);
  tell(lab, stage, resultText(report));
  return report;
}

function resultText({ sections }: EvalReport): string {
  const tasks = sections.filter(({ task, level }) => task !== null && level === null);
  const parts = tasks.map(({ task, measures, budgets }) => {
    const share = (value: number | undefined) => (value ?? NaN).toFixed(2);
    const { accuracy, consensusAt, language, thoughtLength } = measures;
    return `${task} ${share(accuracy.mean)} (votes ${share(consensusAt.at(-1)?.mean)}, no-think ${
      share(budgets[0]?.mean)
    }, language ${share(language?.mean)}, ${thoughtLength?.mean.toFixed(1)} tokens)`;
  });
  return `pass@1 ${parts.join("; ")}`;
}
