/** Tests of stage_table.ts: one seed has standard errors over problems, several the spread of seeds; what not all have is left out. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { evaluate, nanoSuite, type Sampler } from "../../eval/mod.ts";
import type { StageName } from "../stage/lab.ts";
import type { StageResult } from "./stage_results.ts";
import { stageTable } from "./stage_table.ts";

/** A stage whose model is right on the first `right` of four problems. */
async function result(stage: StageName, right: number): Promise<StageResult> {
  const suite = nanoSuite({ seed: 1, tasks: { CHAIN6: 1 } }, 4, { samples: 2 });
  const sampler: Sampler = (prompts, { samples }) =>
    Promise.resolve(prompts.map((_, at) => {
      const answer = at < right ? suite.rows[at].answer : "?";
      const text = `<think> 1 2 </think> <answer> ${answer} </answer>`;
      return Array(samples).fill({ text, tokens: 8, isFinished: true });
    }));
  const mark = {
    ...{ stage, seed: 1, settings: {}, steps: 1, tokens: 1, needs: [] },
    seconds: { training: 1, evaluation: 1 },
  };
  const run = { name: stage, config: {}, metrics: [], samples: [], warnings: [] };
  return { stage, mark, evaluation: await evaluate(sampler, suite), run };
}

Deno.test("stageTable: one seed", async () => {
  const [row] = stageTable([[await result("r1_zero", 3)]]);
  assertEquals([row.stage, row.task, row.seeds, row.votes], ["r1_zero", "CHAIN6", 1, 2]);
  assertEquals([row.passAt1.mean, row.noThink?.mean, row.consensus.mean], [0.75, 0.75, 0.75]);
  assertEquals([row.thoughtTokens?.mean, row.format.mean, row.reflection.mean], [2, 1, 0]);
  // sqrt(p (1 - p) / (n - 1)) for shares that are 0 or 1.
  assertAlmostEquals(row.passAt1.spread!, Math.sqrt(0.75 * 0.25 / 3), 1e-12);
});

Deno.test("stageTable: several seeds", async () => {
  const first = [await result("pretrain", 1), await result("r1_zero", 4)];
  const second = [await result("pretrain", 2)];
  const rows = stageTable([first, second]);
  assertEquals(rows.map(({ stage, seeds }) => [stage, seeds]), [["pretrain", 2]]);
  assertAlmostEquals(rows[0].passAt1.mean, 0.375, 1e-12);
  assertAlmostEquals(rows[0].passAt1.spread!, Math.sqrt(2) * 0.125, 1e-12);
  assertEquals(stageTable([]), []);
});
