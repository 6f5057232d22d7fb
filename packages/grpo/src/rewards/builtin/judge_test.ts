/** The judge against a server of this process: what is asked, how scores are read, what is tried again. Runs no model. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import type { RewardBatch } from "../reward.ts";
import { scoreRewards } from "../score_rewards.ts";
import { type JudgeOptions, judgeReward } from "./judge.ts";

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: { readonly model: string; readonly messages: readonly { content: string }[] };
}

type Answer = string | number | "never";

/** Serves one answer a request: a text, a status, or none at all. */
async function withJudge(
  answers: (asked: Asked, count: number) => Answer,
  use: (url: string, asked: readonly Asked[]) => Promise<void>,
): Promise<void> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const { url = "", headers: { authorization } } = request;
    asked.push({ path: url, authorization, body: JSON.parse(text) });
    const answer = answers(asked[asked.length - 1], asked.length);
    if (answer === "never") return;
    if (typeof answer === "number") response.writeHead(answer, { "retry-after": "0" }).end("busy");
    else response.end(JSON.stringify({ choices: [{ message: { content: answer } }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const batch = (...completions: readonly string[]): RewardBatch => ({
  prompts: completions.map(() => [{ role: "user" as const, content: "Why $& {model}?" }]),
  completions,
  completionIds: completions.map(() => []),
  isFinished: completions.map(() => true),
  columns: { hint: completions.map((_, row) => `hint ${row}`) },
  step: 1,
});

function judge(options: JudgeOptions, rows: RewardBatch, timeoutMs = 20_000) {
  return scoreRewards([{ name: "judge", score: judgeReward(options), timeoutMs }], rows);
}

Deno.test("judge: asks with the prompt and the answer alone, reads the last score", async () => {
  await withJudge(() => "Score: 2 would be harsh.\n**Score: 7.5**", async (url, asked) => {
    process.env.AHA_TEST_JUDGE_KEY = "secret";
    const options = { url, model: "m", apiKeyEnv: "AHA_TEST_JUDGE_KEY" };
    const { values, problems } = await judge(options, batch("<think>hm</think>Because."));
    assertEquals([values.judge, problems], [[0.75], []]);
    assertEquals([asked[0].path, asked[0].body.model], ["/v1/chat/completions", "m"]);
    assertEquals(asked[0].authorization, "Bearer secret");
    const { content } = asked[0].body.messages[0];
    assertStringIncludes(content, "user: Why $& {model}?");
    assertStringIncludes(content, "Because.");
    assert(!content.includes("hm"));
  });
});

Deno.test("judge: own template, columns and range", async () => {
  await withJudge(
    ({ body }) => `score = ${body.messages[0].content.slice(-1)}`,
    async (url, asked) => {
      const options = { url, model: "m", template: "{hint}|{completion}", range: [1, 5] as const };
      const { values } = await judge(options, batch("1", "3", "5"));
      assertEquals(values.judge, [0, 0.5, 1]);
      assertEquals(asked.map(({ body }) => body.messages[0].content), [
        "hint 0|1",
        "hint 1|3",
        "hint 2|5",
      ]);
    },
  );
});

Deno.test("judge: tries again what may pass, gives null with the reason where nothing does", async () => {
  const broken = (asked: Asked, count: number): Answer => {
    if (asked.body.messages[0].content === "good") {
      return count < 3 ? [503, "I cannot say"][count - 1] : "Score: 10";
    }
    return asked.body.messages[0].content === "wrong key" ? 401 : "Score: 11";
  };
  await withJudge(broken, async (url, asked) => {
    const options = { url, model: "m", template: "{completion}", concurrency: 1, retries: 2 };
    assertEquals((await judge(options, batch("good"))).values.judge, [1]);
    assertEquals(asked.length, 3);
    const { values, problems } = await judge(
      { ...options, retries: 1 },
      batch("wrong key", "too much"),
    );
    assertEquals(values.judge, [null, null]);
    assertEquals(asked.length, 6);
    assertEquals(problems[0].row, 0);
    assertStringIncludes(problems[0].message, "row 0: JudgeError: the judge answered 401: busy");
  });
});

Deno.test("judge: a judge that never answers is given up, a missing key is named", async () => {
  await withJudge(() => "never", async (url) => {
    const begin = performance.now();
    const options = { url, model: "m", requestTimeoutMs: 100, retries: 0 };
    const { values, problems } = await judge(options, batch("a", "b", "c", "d", "e"));
    assertEquals(values.judge, [null, null, null, null, null]);
    assertStringIncludes(problems[0].message, "TimeoutError");
    assertEquals((await judge({ url, model: "m" }, batch("a"), 100)).values.judge, [null]);
    assert(performance.now() - begin < 5000);
  });
  const options = { url: "http://127.0.0.1:1", model: "m", apiKeyEnv: "AHA_NO_SUCH_KEY" };
  const { problems } = await judge(options, batch("a"));
  assertStringIncludes(problems[0].message, "AHA_NO_SUCH_KEY is not set");
});
