/** The verifier's rules one by one, and as rewards. */
import { assertEquals } from "@std/assert";
import { judgeNano } from "./judge.ts";
import { nanoAccuracyReward, nanoFormatReward, nanoLanguageReward } from "./rewards.ts";

const CHAIN = "<s> <en> CHAIN A 9 B 4 C 8 ?";
const GOLD = "<think> A 9 B 3 C 1 </think> <answer> 1 </answer>";

function judged(completion: string, isFinished = true, prompt = CHAIN) {
  return judgeNano(prompt, completion, isFinished)!;
}

Deno.test("judgeNano: format wants each tag once, in order, closed up, and an end", () => {
  assertEquals(judged(GOLD).hasFormat, true);
  assertEquals(judged(`${GOLD} </s>`).hasFormat, true);
  assertEquals(judged("<think> </think> <answer> 1 </answer>").hasFormat, true);
  const wrong = [
    ["A 9 <think> </think> <answer> 1 </answer>", "<think> <think> </think> <answer> 1 </answer>"],
    ["<think> </think> 1 <answer> 1 </answer>", "<think> </think> <answer> </answer>"],
    ["<think> </think> <answer> 1 </answer> 1", "<think> </think> <answer> 1", "<think> </think>"],
    ["<think> <answer> 1 </answer> </think>", "</think> <think> <answer> 1 </answer>", "", "= 1"],
    ["<think> </think> <answer> 1 </answer> <answer> 1 </answer>", "<answer> 1 </answer>"],
  ].flat();
  for (const completion of wrong) assertEquals(judged(completion).hasFormat, false, completion);
  assertEquals(judged(GOLD, false).hasFormat, false);
});

Deno.test("judgeNano: accuracy wants the last answer tags, in either language, and no format", () => {
  const right = [
    [GOLD, "<answer> 1 </answer>", "<answer> b </answer>", "1 2 <answer> 1 </answer> 5"],
    ["<answer> 2 </answer> <answer> 1 </answer>"],
  ].flat();
  const wrong = [
    [
      "<answer> 2 </answer>",
      "<answer> 1 1 </answer>",
      "<answer> </answer>",
      "<answer> 1",
      "= 1",
      "",
    ],
    ["<answer> 1 </answer> <answer> 2 </answer>", "<answer> 1 € </answer>"],
  ].flat();
  for (const completion of right) assertEquals(judged(completion).isRight, true, completion);
  for (const completion of wrong) assertEquals(judged(completion).isRight, false, completion);
  assertEquals(judged(GOLD, false).isRight, true);
});

Deno.test("judgeNano: strict wants format too, lenient takes an untagged end", () => {
  const flags = (completion: string) => {
    const { isStrictlyRight, isRight, isLenientlyRight } = judged(completion);
    return [isStrictlyRight, isRight, isLenientlyRight].map(Number).join("");
  };
  assertEquals(flags(GOLD), "111");
  assertEquals(flags("<answer> 1 </answer>"), "011");
  assertEquals(flags("A 9 B 3 C 1 = 1"), "001");
  assertEquals(flags("<think> A 9 B 3 C 1 </think> 1"), "001");
  assertEquals(flags("<think> A 9 B 3 C 1 </think> <answer> 1"), "001");
  assertEquals(flags("1"), "001");
  assertEquals(flags("<think> 1"), "000");
  assertEquals(flags("A 9 B 3 C 1 = 2"), "000");
  // An answer that was given counts, not what stands elsewhere.
  assertEquals(flags("<answer> 2 </answer> = 1"), "000");
});

Deno.test("judgeNano: language is the share of the thought's digits, labels apart", () => {
  assertEquals(judged(GOLD).languageShare, 1);
  assertEquals(judged("<think> A j B 3 C 1 D b </think>").languageShare, 0.5);
  assertEquals(judged("<think> </think> <answer> 1 </answer>").languageShare, 0);
  assertEquals(judged("<think> A 9 b").languageShare, 0.5);
  const general = judged("<think> 1 </think> <answer> a b 2 d </answer>", true, "<xx> REV 1 2 3 ?");
  assertEquals(general.languageShare, 0.75);
});

Deno.test("judgeNano: answers that say the same are of one class", () => {
  const countdown = "<s> <en> CD 3 9 6 : 0 ?";
  const classOf = (answer: string) =>
    judged(`<answer> ${answer} </answer>`, true, countdown).answerClass;
  assertEquals(classOf("6 - 9 + 3"), "0");
  assertEquals(classOf("g - j + d"), "0");
  assertEquals(classOf("3 + 6 - 9"), "0");
  assertEquals(classOf("3 * 6 - 9"), "9");
  for (const none of ["3 - 3 + 6", "3 + 6", "9", "3 + 6 - 9 + 0", "3 6 9 + -"]) {
    assertEquals(classOf(none), null, none);
  }
  const reverse = "<s> <xx> REV 7 9 5 ?";
  assertEquals(judged("<answer> f j i </answer>", true, reverse).answerClass, "5 9 8");
  assertEquals(judged("<answer> f j 8 </answer>", true, reverse).answerClass, null);
});

Deno.test("judgeNano: a reflection is a failed try with another behind it", () => {
  const count = (thought: string) =>
    judged(`<think> ${thought}`, true, "<s> <en> CD 3 9 6 : 0 ?").reflections;
  assertEquals(count("6 * 3 8 * 9 2 x 3 - 9 4 - 6 8 x 6 - 9 7 + 3 0 y"), 2);
  assertEquals(count("6 * 3 8 * 9 2 x d - j e - g i x"), 1);
  assertEquals(count("6 - 9 7 + 3 0 y"), 0);
  assertEquals(count("x x x"), 0);
});

Deno.test("rewards: one value a completion, null for other prompts, by text alone", async () => {
  const user = [{ role: "user", content: "CHAIN A 9 B 4 C 8 ?" }];
  const batch = {
    prompts: [CHAIN, CHAIN, user, "2 + 2"],
    completions: [GOLD, "= 1", GOLD, GOLD],
    completionIds: [[], [], [], []],
    isFinished: [false, true, true, true],
    columns: {},
    step: 0,
  };
  const tools = { signal: new AbortController().signal };
  assertEquals(await nanoFormatReward.score(batch, tools), [0, 0, 1, null]);
  assertEquals(await nanoAccuracyReward.score(batch, tools), [1, 0, 1, null]);
  assertEquals(await nanoLanguageReward.score(batch, tools), [1, 0, 1, null]);
});
