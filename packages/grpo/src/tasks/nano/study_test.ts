/** The study's own examples, word for word: questions, traces and answers of section 1 and 7. */
import { assert, assertEquals } from "@std/assert";
import { CounterRandom } from "../counter_random.ts";
import { plainDigits } from "./digits.ts";
import { judgeNano } from "./judge.ts";
import { NANO_TASKS, readPrompt, taskOf } from "./prompt.ts";
import { decodeWords, encodeWords } from "./vocabulary.ts";

const EXAMPLES = [
  ["<s> <en> CHAIN A 9 B 4 C 8 ?", "A j B d C b", "b"],
  ["<s> <xx> MUL f f * f g ?", "5 : 5 7 c ; g : a 3 3", "5 7 5 d"],
  ["<s> <en> EVAL ( ( 8 - ( 1 * 8 ) ) - 5 ) ?", "( ( i - i ) - f ) ; ( a - 5 ) ; f", "5"],
  ["<s> <xx> CD d j g : a ?", "6 * 3 8 * 9 2 x 3 - 9 4 - 6 8 x 6 - 9 7 + 3 0 y", "6 - 9 + 3"],
  ["<s> <en> CHAIN 9 4 5 0 6 2 ?", "9 3 8 8 4 6", "g"],
  ["<s> <en> REV 7 9 5 ?", "", "5 9 7"],
] as const;

Deno.test("nano tasks: the study's examples are right, in its own format", () => {
  for (const [prompt, thought, answer] of EXAMPLES) {
    const completion = `<think> ${thought} </think> <answer> ${answer} </answer>`;
    const verdict = judgeNano(prompt, completion, true);
    assert(verdict?.isStrictlyRight, prompt);
    assertEquals(verdict.thoughtLength, encodeWords(thought).length);
    assertEquals(judgeNano(prompt, completion, false)?.isStrictlyRight, false);
  }
});

Deno.test("nano tasks: gold traces have the study's form", () => {
  for (const [prompt, thought, answer] of EXAMPLES) {
    const asked = readPrompt(encodeWords(prompt))!;
    assertEquals(taskOf(asked.problem), asked.task);
    if (asked.task === "CD") continue;
    const gold = NANO_TASKS[asked.task].solve(asked.problem, new CounterRandom(0, 0, 0));
    assertEquals(decodeWords(gold.thought), decodeWords(plainDigits(encodeWords(thought))));
    assertEquals(decodeWords(gold.answer), decodeWords(plainDigits(encodeWords(answer))));
  }
});

Deno.test("nano tasks: what is no question is no problem", () => {
  const wrong = [
    ["", "<s>", "<s> <en>", "CHAIN", "CHAIN ?", "CHAIN A 9 ?", "CHAIN A 9 C 4 ?", "CHAIN A 9 B ?"],
    ["CHAIN A 9 4 ?", "CHAIN 9 B 4 ?", "CHAIN A 9 B x ?", "CHAIN A 9 B 4", "CHAIN A 9 B 4 ? ?"],
    ["MUL 0 0 * 1 1 ?", "MUL 1 1 1 1 ?", "MUL 1 1 + 1 1 ?", "MUL 1 1 * 1 1 1 ?", "MUL 1 x * 1 1 ?"],
    [
      "EVAL 1 ?",
      "EVAL ( 1 ) ?",
      "EVAL 1 + 1 ?",
      "EVAL ( 1 + 1 ) 1 ?",
      "EVAL ( 1 : 1 ) ?",
      "EVAL ( ( 1 + 1 ) ?",
    ],
    ["CD 1 2 : 3 ?", "CD 1 2 3 3 ?", "CD 1 2 3 : ?", "CD 1 2 3 : x ?"],
    ["REV 1 2 ?", "SORT 1 2 3 4 5 6 7 8 9 ?", "COPY A B C ?", "x 1 2 3 ?", "how much is 2 + 2 ?"],
  ].flat();
  for (const prompt of wrong) assertEquals(judgeNano(prompt, "1", true), null, prompt);
});

Deno.test("nano tasks: a prompt without start or tag asks in 0-9", () => {
  const verdict = judgeNano("REV 7 9 5 ?", "<think> </think> <answer> 5 9 7 </answer>", true);
  assertEquals([verdict?.isStrictlyRight, verdict?.languageShare], [true, 1]);
  assertEquals(judgeNano("<xx> REV 7 9 5 ?", "<answer> 5 9 7 </answer>", true)?.isRight, false);
  assertEquals(judgeNano("<xx> REV 7 9 5 ?", "<answer> f j h </answer>", true)?.isRight, true);
});
