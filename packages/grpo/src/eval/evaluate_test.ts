/** Whole evaluations of samplers whose results are known: sections, budgets, seeds, errors, table. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { verifyAnswer } from "../rewards/mod.ts";
import { math500Task } from "../tasks/files/benchmarks.ts";
import { digitSumTask } from "../tasks/digit_sum.ts";
import type { NanoRow } from "../tasks/nano/nano_task.ts";
import { nanoTestRows } from "../tasks/nano/nano_task.ts";
import { evaluate } from "./evaluate.ts";
import { reportTable } from "./report_table.ts";
import type { Sampler, SampleRequest } from "./sampler.ts";
import { choiceSuite, equalitySuite, nanoSuite, numberSuite } from "./suite.ts";

const TASKS = { CHAIN: 1, CD: 1 };
const SUITE = nanoSuite({ seed: 1, tasks: TASKS }, 30);

/** Right in the first `share` of samples, when it may think at least 5 tokens; else it answers 0. */
function sampler(share: number, requests: SampleRequest[] = []): Sampler {
  const answers = new Map<unknown, string>();
  for (const row of SUITE.rows) answers.set(row.prompt, (row as NanoRow).answer);
  return (prompts, request) => {
    requests.push(request);
    const { samples, thinkingBudget = Infinity } = request;
    return Promise.resolve(prompts.map((prompt) =>
      Array.from({ length: samples }, (_, at) => {
        const isRight = at < share * samples && thinkingBudget >= 5;
        const answer = isRight ? answers.get(prompt) : "z";
        const text = `<think> 1 2 </think> <answer> ${answer} </answer>`;
        return { text, tokens: 8 + at, isFinished: at % 2 === 0 };
      })
    ));
  };
}

Deno.test("evaluate: sections of all, tasks and levels, budgets below, problems and examples", async () => {
  const requests: SampleRequest[] = [];
  const progress: number[] = [];
  const report = await evaluate(sampler(0.75, requests), SUITE, {
    ...{ samples: 8, budgets: [8, 0], budgetSamples: 4, seed: 5, promptsPerCall: 25, examples: 1 },
    onProgress: ({ done, total }) => progress.push(done / total),
  });
  const [all, chain] = report.sections;
  assertEquals(report.sections.map(({ task, level }) => [task, level]), [
    ...[[null, null], ["CHAIN", null], ...[5, 6, 7, 8, 9, 10].map((level) => ["CHAIN", level])],
    ...[["CD", null], ...[1, 2, 3].map((level) => ["CD", level])],
  ]);
  assertEquals([all.measures.problems, chain.measures.problems], [60, 30]);
  assertEquals(all.measures.accuracy, { mean: 0.75, standardError: 0 });
  assertEquals(all.measures.consensusAt.at(-1)?.mean, 1);
  assertEquals(all.measures.truncated.mean, 0.5);
  assertEquals(all.measures.strict.mean, 3 / 8);
  assertEquals(all.measures.responseLength.mean, 11.5);
  assertEquals(all.measures.thoughtLength?.mean, 2);
  assertEquals(all.budgets.map(({ thinkingBudget, mean }) => [thinkingBudget, mean]), [[0, 0], [
    8,
    0.75,
  ]]);
  assertEquals(
    requests.map((
      { firstPrompt, samples, thinkingBudget },
    ) => [firstPrompt, samples, thinkingBudget]),
    [
      ...[[0, 8, undefined], [25, 8, undefined], [50, 8, undefined]],
      ...[[0, 4, 0], [25, 4, 0], [50, 4, 0], [0, 4, 8], [25, 4, 8], [50, 4, 8]],
    ],
  );
  assertEquals([requests[0].temperature, requests[0].topP, requests[0].maxTokens], [0.6, 0.95, 60]);
  assertEquals(progress.at(-1), 1);
  assertEquals(report.problems.length, 60);
  assertEquals([report.problems[0].right, report.problems[0].tokens.length], [6, 8]);
  assertEquals(report.examples.map(({ task }) => task), ["CHAIN", "CD"]);
  assertEquals(JSON.parse(JSON.stringify(report)), report);
});

Deno.test("evaluate: the same seed and prompts in other calls give the same report", async () => {
  const [one, other] = await Promise.all(
    [60, 7].map((promptsPerCall) => evaluate(sampler(0.5), SUITE, { samples: 2, promptsPerCall })),
  );
  assertEquals({ ...one, seconds: 0 }, { ...other, seconds: 0 });
});

Deno.test("reportTable: a line a section, aligned, with errors and budgets", async () => {
  const lines = reportTable(await evaluate(sampler(1), SUITE, { samples: 2 })).split("\n");
  assert(lines[0].startsWith("nano: 60 problems, 2 samples each, temperature 0.6, top-p 0.95"));
  assertEquals(lines[2].trim().split(/\s{2,}/), [
    ...["problems", "pass@1", "strict", "lenient", "cons@2", "pass@2"],
    ...["format", "tokens", "thought", "language", "reflects", "cut off"],
  ]);
  assertEquals(lines[3].trim().split(/\s{2,}/).slice(0, 7), [
    ...["all", "60", "1.000 ±0.000", "0.500", "1.000", "1.000", "1.000"],
  ]);
  assertEquals(lines.filter((line) => /^ {2}level/.test(line)).length, 18);
  assert(lines.some((line) => /^all\s+0\.000 ±0\.000\s+1\.000 ±0\.000$/.test(line)));
});

Deno.test("evaluate: refuses empty suites, options out of range and samplers that give too little", async () => {
  const run = (options: Record<string, unknown>) => () => evaluate(sampler(1), SUITE, options);
  await assertRejects(run({ samples: 0 }), RangeError, "samples is 0");
  await assertRejects(run({ temperature: -1 }), RangeError, "temperature is -1");
  await assertRejects(run({ topP: 0 }), RangeError, "topP is 0");
  await assertRejects(run({ budgets: [-1] }), RangeError, "thinking budget is -1");
  await assertRejects(
    () => evaluate(sampler(1), { ...SUITE, rows: [] }),
    RangeError,
    "has no rows",
  );
  const short: Sampler = (prompts) => Promise.resolve(prompts.map(() => []));
  await assertRejects(
    () => evaluate(short, SUITE, { samples: 2 }),
    RangeError,
    "2 of each were asked for",
  );
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => evaluate(sampler(1), SUITE, { signal }), Error, "enough");
});

Deno.test("suites: numbers, letters and equalities judge by the answer column", async () => {
  const task = digitSumTask({ seed: 1 });
  assertThrows(() => numberSuite(task), RangeError, "digit_sum has no end");
  const suite = numberSuite(task, { limit: 10, samples: 2 });
  const report = await evaluate(
    (prompts, { samples, firstPrompt }) =>
      Promise.resolve(prompts.map((_, at) =>
        Array.from({ length: samples }, (_, sample) => {
          const answer = Number(task.row(firstPrompt + at).answer) + sample;
          return { text: `<answer>${answer}</answer>`, tokens: 3, isFinished: true };
        })
      )),
    suite,
  );
  assertAlmostEquals(report.sections[0].measures.accuracy.mean, 0.5, 1e-12);
  assertEquals(report.sections[0].measures.thoughtLength, null);
  const rows = [{ prompt: "?", answer: "B" }];
  const one = { name: "one", length: 1, row: (index: number) => rows[index] };
  assertEquals(choiceSuite(one).judge(rows[0], "Answer: B", true).isStrictlyRight, true);
  const equal = equalitySuite(one, (gold, answer) => gold.toLowerCase() === answer);
  assertEquals(equal.judge(rows[0], "\\boxed{b}", true).isStrictlyRight, true);
});

Deno.test("equalitySuite: wrong answers that say the same are one vote", async () => {
  const one = { name: "one", length: 1, row: () => ({ prompt: "?", answer: "1/2" }) };
  const value = (text: string) => {
    const [numerator, denominator = 1] = text.split("/").map(Number);
    return numerator / denominator;
  };
  const suite = equalitySuite(one, (gold, answer) => value(gold) === value(answer));
  const answers = ["0.5", "1/2", "1/4", "0.25", "2/8"];
  const sampler: Sampler = () =>
    Promise.resolve([
      answers.map((answer) => ({ text: `\\boxed{${answer}}`, tokens: 1, isFinished: true })),
    ]);
  const report = await evaluate(sampler, suite, { samples: 5, budgets: [] });
  const { accuracy, consensusAt } = report.sections[0].measures;
  assertEquals([accuracy.mean, consensusAt.at(-1)?.mean], [0.4, 0]);
});

Deno.test("equalitySuite: MATH-500 by the verifier of the rewards", async () => {
  const answer = "\\frac{1}{2}";
  const row = { problem: "?", answer, level: 3, subject: "Algebra" };
  const bytes = new TextEncoder().encode(JSON.stringify(row));
  const task = await math500Task({ name: "test.jsonl", bytes });
  const suite = equalitySuite(
    task,
    (gold, found) => verifyAnswer(gold, `\\boxed{${found}}`) ?? false,
  );
  const judge = (text: string) => suite.judge(task.row(0), text, true);
  for (const right of ["\\boxed{0.5}", "$\\boxed{\\dfrac12}$", "<answer> 1/2 </answer>"]) {
    assert(judge(right).isStrictlyRight, right);
  }
  const { isRight, isLenientlyRight } = judge("so it is\n0.5");
  assertEquals([isRight, isLenientlyRight, judge("\\boxed{2}").isRight], [false, true, false]);
});

Deno.test("nanoSuite: gold answers are right, with one set a task", () => {
  assertEquals(SUITE.rows.slice(0, 30), nanoTestRows({ seed: 1, tasks: { CHAIN: 1 } }, 30));
  for (const row of SUITE.rows) {
    const text = `<think> </think> <answer> ${(row as NanoRow).answer} </answer>`;
    assert(SUITE.judge(row, text, true).isStrictlyRight);
  }
});
