/** Reward modules of users: loading, errors across processes, endless loops. Their files are written here. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { RewardBatch } from "../reward.ts";
import { scoreRewards } from "../score_rewards.ts";
import { loadRewardModule } from "./load_reward_module.ts";

const BATCH: RewardBatch = {
  prompts: ["p", [{ role: "user", content: "q" }]],
  completions: ["loop", "b"],
  completionIds: [new Uint32Array([1]), [2, 3]],
  isFinished: [true, true],
  columns: { answer: [{ deep: [1] }, 2] },
  step: 1,
};
const FREE = { ...BATCH, completions: ["a", "bb"] };

async function withModule(text: string, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "aha-reward-"));
  writeFileSync(join(folder, "my_reward.ts"), text);
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const LENGTHS = `
  import { writeFileSync } from "node:fs";
  import process from "node:process";
  let calls = 0;
  export default async function score({ completions, completionIds, columns }) {
    calls++;
    writeFileSync(new URL("./pid", import.meta.url), String(process.pid));
    while (completions[0] === "loop");
    return completions.map((text, row) => text.length + 10 * completionIds[row].length + 100 * calls);
  }
  export const bonus = { name: "named", weight: 3, timeoutMs: 5000, score: () => [1, null] };
`;

for (const own of [true, false]) {
  Deno.test(`loadRewardModule: a function and an object, ${own ? "in a process" : "here"}`, async () => {
    await withModule(LENGTHS, async (folder) => {
      const reward = await loadRewardModule("./my_reward.ts", { folder, process: own });
      const bonus = await loadRewardModule("my_reward.ts", {
        folder,
        process: own,
        exportName: "bonus",
      });
      const { name, weight, timeoutMs } = bonus;
      assertEquals([reward.name, name, weight, timeoutMs], ["my_reward", "named", 3, 5000]);
      const { values, totals, problems } = await scoreRewards([reward, bonus], FREE);
      assertEquals(problems, []);
      assertEquals(values, { my_reward: [111, 122], named: [1, null] });
      assertEquals(totals, [114, 122]);
    });
  });
}

/** Whether the process ends within two seconds. */
async function isGone(pid: number): Promise<boolean> {
  assert(pid > 0 && pid !== process.pid);
  for (let attempt = 0; attempt < 40; attempt++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

Deno.test("loadRewardModule: an endless loop is killed with its process, the next batch has a new one", async () => {
  await withModule(LENGTHS, async (folder) => {
    const reward = { ...await loadRewardModule("my_reward.ts", { folder }), timeoutMs: 2000 };
    assertEquals((await scoreRewards([reward], FREE)).totals, [111, 122]);
    const begin = performance.now();
    const { totals, problems } = await scoreRewards([reward], BATCH);
    assert(performance.now() - begin < 10_000);
    assertEquals(totals, [null, null]);
    assertEquals(problems, [{
      reward: "my_reward",
      message: "TimeoutError: took longer than 2000 ms",
    }]);
    assert(await isGone(Number(readFileSync(join(folder, "pid"), "utf8"))), "the loop goes on");
    // Counts its calls from the beginning.
    assertEquals((await scoreRewards([reward], FREE)).totals, [111, 122]);
  });
});

Deno.test("loadRewardModule: errors cross with name, row and the other rows' values", async () => {
  const program = `
    import { scoreRows } from ${JSON.stringify(new URL("../row_errors.ts", import.meta.url).href)};
    export default scoreRows(({ row }) => { if (row === 1) throw new RangeError("odd"); return 5; });
    export const whole = () => { throw Object.assign(new TypeError("bad"), { row: 1 }); };
    export const wrong = () => [1, NaN];
    export const gone = () => { setTimeout(() => { throw new Error("later"); }); return new Promise(() => {}); };
  `;
  await withModule(program, async (folder) => {
    const rows = await loadRewardModule("my_reward.ts", { folder });
    const whole = await loadRewardModule("my_reward.ts", { folder, exportName: "whole" });
    const { values, problems } = await scoreRewards([rows, whole], FREE);
    assertEquals(values, { my_reward: [5, null], whole: [null, null] });
    assertEquals(problems, [
      { reward: "my_reward", row: 1, message: "row 1: RangeError: odd" },
      { reward: "whole", row: 1, message: "row 1: TypeError: bad" },
    ]);
    const gone = await loadRewardModule("my_reward.ts", { folder, exportName: "gone" });
    const printed = await loadRewardModule("my_reward.ts", { folder, exportName: "wrong" });
    const { problems: [problem] } = await scoreRewards([printed], FREE);
    assertEquals(problem.message, 'gave "NaN" for row 1, not a finite number or null');
    const lost = await scoreRewards([{ ...gone, timeoutMs: 5000 }], FREE);
    assertEquals(lost.totals, [null, null]);
    assertStringIncludes(lost.problems[0].message, "ended by itself");
  });
});

Deno.test("loadRewardModule: says what is missing", async () => {
  await withModule("export const other = 1;", async (folder) => {
    for (const own of [true, false]) {
      const load = () => loadRewardModule("my_reward.ts", { folder, process: own });
      const { name } = await assertRejects(
        load,
        Error,
        "exports other; its export default must be",
      );
      assertEquals(name, "TypeError");
    }
    await assertRejects(() => loadRewardModule("none.ts", { folder }), Error, "none.ts");
  });
});
