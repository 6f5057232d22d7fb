/** Traces: completions of a stage's model on training problems, as many of each task as are wanted. Trains nothing. */
import { RolloutEngine } from "@aha/runtime/training";
import { type Policy, policyNetwork } from "../../policy/policy.ts";
import { type NanoRow, nanoTask, type NanoTaskName } from "../../tasks/mod.ts";
import { promptIds } from "../../trainer/questions.ts";
import type { TraceSettings } from "../settings/settings.ts";
import { GateError } from "./gates.ts";
import { folderOf, type Lab, seedOf, type StageName, tell, withPolicy } from "./lab.ts";
import type { TraceRow } from "./sft_training.ts";
import { STAGE_FILES } from "./stage_folder.ts";
import { type SampledTrace, TraceFilter } from "./trace_filter.ts";

/** Completions of a call of the engine. */
const ROUND = 1024;
/** Completions for each trace that is wanted, after which there are enough. */
const MOST_DRAWS = 12;

/**
 * Samples a model and keeps what passes the filters, `count` traces shared among the tasks by their weights. A task of which
 * the model solves too little gives fewer, and that is told.
 * @throws {GateError} where nothing at all was kept
 */
export async function sampleTraces(
  lab: Lab,
  stage: StageName,
  from: StageName,
  settings: TraceSettings,
): Promise<TraceRow[]> {
  const start = performance.now();
  const { tasks, count } = settings;
  const whole = Object.values(tasks).reduce((sum, weight) => sum + weight, 0);
  const byTask: Record<string, TraceFilter["counts"]> = {};
  const rows = await withPolicy(lab, from, async (policy) => {
    const kept: TraceRow[] = [];
    for (const [task, weight] of Object.entries(tasks) as [NanoTaskName, number][]) {
      const filter = new TraceFilter();
      const wanted = Math.round(count * weight / whole);
      kept.push(...await tracesOf(lab, stage, policy, { ...settings, task, wanted, filter }));
      byTask[task] = filter.counts;
    }
    return kept;
  });
  const seconds = (performance.now() - start) / 1000;
  await folderOf(lab, stage).writeJson(STAGE_FILES.dataReport, { from, seconds, tasks: byTask });
  tell(lab, stage, `${rows.length} of ${count} traces from ${from}: ${countsText(byTask)}`);
  if (rows.length > 0) return rows;
  throw new GateError(`No completion of ${from} has passed the filters: ${countsText(byTask)}`);
}

function countsText(byTask: Record<string, TraceFilter["counts"]>): string {
  return Object.entries(byTask).map(([task, counts]) => {
    const parts = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
    return `${task} ${parts.join(", ")}`;
  }).join("; ");
}

interface Wanted extends TraceSettings {
  readonly task: NanoTaskName;
  readonly wanted: number;
  readonly filter: TraceFilter;
}

async function tracesOf(
  lab: Lab,
  stage: StageName,
  policy: Policy,
  { task, wanted, samplesEach, temperature, filter }: Wanted,
): Promise<TraceRow[]> {
  const { settings: { languages, levels, maxTokens }, hooks: { signal } } = lab;
  const { model: { tokenizer } } = policy;
  const { model, backend, ops } = policyNetwork(policy);
  const engine = new RolloutEngine(model, backend, ops);
  const seed = seedOf(lab, stage);
  const problems = nanoTask({ seed, tasks: { [task]: 1 }, languages, levels });
  const kept: TraceRow[] = [];
  const perCall = Math.ceil(Math.min(ROUND, 2 * wanted) / samplesEach);
  for (let first = 0; kept.length < wanted; first += perCall) {
    if (first * samplesEach >= MOST_DRAWS * wanted) break;
    const rows = Array.from({ length: perCall }, (_, i) => problems.row(first + i));
    const rollouts = await engine.rollOut({
      prompts: rows.map(({ prompt }) => promptIds(tokenizer, prompt)),
      group: samplesEach,
      maxTokens,
      temperature,
      endIds: tokenizer.endIds,
      draw: (prompt, index) => ({
        seed: [seed, first],
        choice: prompt * samplesEach + index,
      }),
      signal,
    });
    rollouts.forEach(({ ids, isFinished }, i) => {
      const { prompt } = rows[Math.floor(i / samplesEach)] as NanoRow;
      const completion = tokenizer.decode(isFinished ? ids.subarray(0, -1) : ids);
      const sample: SampledTrace = { prompt, completion, isFinished };
      if (filter.keeps(sample)) kept.push({ prompt, completion, task });
    });
  }
  engine.trim();
  return kept.slice(0, wanted);
}
