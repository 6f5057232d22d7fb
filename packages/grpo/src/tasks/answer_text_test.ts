/** Where answers are found, which numbers are equal, and what strict and lenient take. */
import { assert, assertEquals } from "@std/assert";
import { judgeAnswer, judgeLetter, judgeNumber, markedAnswer, plainNumber } from "./answer_text.ts";
import { digitSumTask } from "./digit_sum.ts";
import { splitOf } from "./hash_split.ts";

Deno.test("markedAnswer: tags, boxes and answer lines, the last of them, behind the thought", () => {
  const cases: [string, string | null][] = [
    ["so <answer> 12 </answer>", "12"],
    ["<answer>1</answer> no, <answer>2</answer>", "2"],
    ["<answer>1</answer> no, <answer>2", null],
    ["<answer>\\boxed{\\frac{1}{2}}</answer>", "\\frac{1}{2}"],
    ["it is \\boxed{1}, no, $\\boxed{x^{2}}$.", "x^{2}"],
    ["it is \\boxed{1", null],
    ["3 + 4 = 7\n#### 7", "7"],
    ["The answer is 42.", "42"],
    ["**Answer: C**", "C"],
    ["Answer: 1\nAnswer: 2", "2"],
    ["<think> the answer is 3 </think> I do not know", null],
    ["<think> \\boxed{3} </think> \\boxed{4}", "4"],
    ["7", null],
    ["<think> the answer is 3", null],
  ];
  for (const [text, expected] of cases) assertEquals(markedAnswer(text), expected, text);
});

Deno.test("plainNumber: one form a number, however long", () => {
  const cases: [string, string | null][] = [
    ["1,234.50", "1234.5"],
    ["$18", "18"],
    ["-$0.0", "0"],
    ["007", "7"],
    [".5", "0.5"],
    ["+3", "3"],
    ["123456789012345678901234567890", "123456789012345678901234567890"],
    ["1/2", null],
    ["", null],
    ["-", null],
  ];
  for (const [text, expected] of cases) assertEquals(plainNumber(text), expected, text);
});

Deno.test("judgeNumber: strict wants a marked answer and an end, lenient the last number", () => {
  const flags = (text: string, isFinished = true) => {
    const { hasFormat, isStrictlyRight, isRight, isLenientlyRight } = judgeNumber(
      "18",
      text,
      isFinished,
    );
    return [hasFormat, isStrictlyRight, isRight, isLenientlyRight].map(Number).join("");
  };
  assertEquals(flags("9 + 9 = 18. <answer>18</answer>"), "1111");
  assertEquals(flags("<answer>$18.00</answer>"), "1111");
  assertEquals(flags("<answer>18</answer>", false), "0011");
  assertEquals(flags("9 + 9 makes 18"), "0001");
  assertEquals(flags("<answer>17</answer> or 18"), "1000");
  assertEquals(flags("<think> 18 </think> none"), "0000");
  assertEquals(flags("<think> 18"), "0000");
  assertEquals(judgeNumber("18", "<answer>9+8=17</answer>", true).answerClass, "17");
  assertEquals(
    judgeNumber("18", "Wait, that is wrong. But check: </think> 18", true).reflections,
    4,
  );
});

Deno.test("judgeLetter: letters that stand alone", () => {
  assertEquals(judgeLetter("C", "Answer: C", true).isStrictlyRight, true);
  assertEquals(judgeLetter("C", "\\boxed{\\text{C}}", true).isRight, true);
  assertEquals(judgeLetter("C", "Answer: (C) Carbon", true).isRight, true);
  const { isRight, isLenientlyRight } = judgeLetter("C", "I would take C", true);
  assertEquals([isRight, isLenientlyRight], [false, true]);
  assertEquals(judgeLetter("A", "DNA'A", true).isLenientlyRight, false);
});

Deno.test("judgeAnswer: by the equality that is given", () => {
  const halves = (gold: string, answer: string) =>
    gold === "1/2" && ["0.5", "1/2"].includes(answer);
  const verdict = judgeAnswer("1/2", "\\boxed{0.5}", true, halves);
  assertEquals([verdict.isStrictlyRight, verdict.answerClass], [true, "1/2"]);
  assertEquals(judgeAnswer("1/2", "thus\n0.5", true, halves).isLenientlyRight, true);
  assertEquals(judgeAnswer("1/2", "\\boxed{2}", true, halves).answerClass, "2");
});

Deno.test("digitSumTask: 10,000 rows are judged right by their sum, wrong by another, and sides are apart", () => {
  for (const split of ["train", "test"] as const) {
    const task = digitSumTask({ seed: 4, split });
    for (let index = 0; index < 10_000; index++) {
      const row = task.row(index);
      const number = row.number as string;
      const sum = [...number].reduce((total, digit) => total + Number(digit), 0);
      assertEquals([row.answer, row.level], [`${sum}`, number.length]);
      assert(judgeNumber(row.answer, `<answer> ${sum} </answer>`, true).isStrictlyRight);
      assert(
        !judgeNumber(row.answer, `<answer> ${sum + 1 + index % 9} </answer>`, true)
          .isLenientlyRight,
      );
      assertEquals(splitOf(`digit_sum ${number}`), split);
    }
    assertEquals(task.row(77), digitSumTask({ seed: 4, split }).row(77));
  }
  const [chat, text] = (["chat", "text"] as const).map((form) =>
    digitSumTask({ seed: 1, form }).row(0)
  );
  assertEquals(typeof chat.prompt, "object");
  assert((text.prompt as string).endsWith("Answer:"));
});
