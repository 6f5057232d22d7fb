/** Equivalence of answers: forms that mean the same, forms that do not, the order of arguments, bounded time. Compares with no other library. */
import { assert, assertEquals } from "@std/assert";
import { verifyAnswer } from "./verify_answer.ts";

/** Gold answer, then predictions: `+` before those that are right, `-` before wrong ones. */
function check(gold: string, ...predictions: readonly string[]): void {
  for (const text of predictions) {
    const verdict = verifyAnswer(gold, text.slice(1));
    assertEquals(verdict, text[0] === "+", `${gold} against ${text}`);
  }
}

Deno.test("answers: numbers in prose with separators, decimals, currency, percent", () => {
  check("7425000", "+It is 7,425,000.", "+7 425 000", "-7,425", "-742500");
  check("1000.99", "+The answer is 1000,99", "+$1,000.99", "-1000.9");
  check("0.4", "+.4", "+0,4", "+40%", "+\\boxed{40\\%}", "-4");
  check("2", "-AZYUK2A", "+2 apples", "+= 2", "-H2O and 3");
  check("#### 1,234", "+#### 1234", "+so 1234.00 dollars", "-#### 1235");
  check("004", "+\\boxed{4}", "+4.0");
  check("28%", "+28 percent", "+0.28", "+28", "-2.8");
  check("12", "+**12**", "+10 + 2 = 12", "+(3 * 4)", "+24/2", "-12 or 13: 13");
});

Deno.test("answers: decimals stand for what they were rounded from, with six digits at least", () => {
  check("$\\frac13$", "+0.3333333", "+0.333333", "-0.33333", "-0.3333343");
  check("$\\sqrt2$", "+1.41421356", "-1.4142", "-1.41421357");
  check("2", "-2.0000001", "+2.0000000");
  check("$\\frac{1}{3000000}$", "-0.000000", "-0.0000003", "+0.000000333333");
});

Deno.test("answers: large numbers are exact", () => {
  check("$2^{100}$", "+1267650600228229401496703205376", "-1267650600228229401496703205377");
  check("$30!$", "+265252859812191058636308480000000", "-265252859812191058636308480000001");
  check("$10^{10000}$", "+\\boxed{10^{10000}}", "-\\boxed{10^{10001}}", "-1");
});

Deno.test("answers: formulas are compared as functions", () => {
  check("$\\sin^2 x + \\cos^2 x$", "+\\boxed{1}", "-\\boxed{2}");
  check("$\\sqrt{x^2}$", "+\\boxed{|x|}", "-\\boxed{x}");
  check("$\\ln(x^2)$", "+\\boxed{2\\ln|x|}", "-\\boxed{2\\ln x}");
  check("$(a+b)^3$", "+\\boxed{a^3+3a^2b+3ab^2+b^3}", "-\\boxed{a^3+b^3}");
  check("$\\frac{1}{\\sqrt2-1}$", "+\\boxed{\\sqrt{2}+1}", "-\\boxed{\\sqrt2}");
  check("$e^{i\\pi}$", "+\\boxed{-1}", "-\\boxed{1}");
  check("$\\tan\\frac{\\pi}{4}$", "+\\boxed{1}");
  check("$\\sqrt[3]{-8}$", "+\\boxed{-2}");
  check("$3\\frac12$", "+\\boxed{3.5}", "-\\boxed{1.5}");
  check("$x_1 + x_2$", "+\\boxed{x_2 + x_1}", "-\\boxed{x_1 - x_2}");
});

Deno.test("answers: sets, lists, tuples, intervals, matrices", () => {
  check("$\\{1, 2\\}$", "+$2$ and $1$", "+\\boxed{1} and \\boxed{2}", "-\\boxed{1}", "-$(1, 2)$");
  check("$(1, 2, 3)$", "+\\boxed{1, 2, 3}", "-\\boxed{3, 2, 1}", "-\\boxed{(1, 2)}");
  check("$[0, 1)$", "-$[0, 9)$", "-$(0, 1)$", "+$\\left[0, 1\\right)$");
  check("$(0, 9)$", "-$[0, 9)$", "+$]0, 9[$");
  check("$x \\in (1,2) \\cup \\{5\\}$", "+\\boxed{\\{5\\} \\cup (1,2)}", "-\\boxed{(1,2)}");
  check("$1 \\pm \\sqrt5$", "+\\boxed{1-\\sqrt5, 1+\\sqrt5}", "-\\boxed{1+\\sqrt5}");
  check(
    "$\\begin{pmatrix}1 & 0.5\\\\ x & 4\\end{pmatrix}$",
    "+\\boxed{\\begin{bmatrix}1 & \\frac12\\\\ x & 4\\end{bmatrix}}",
    "-\\boxed{\\begin{bmatrix}1 & x\\\\ \\frac12 & 4\\end{bmatrix}}",
  );
});

Deno.test("answers: relations, gold first", () => {
  check("$k = \\frac13$", "+1/3", "+$k = 1/3$", "-$n = 1/3$");
  check("$2x + z = 1$", "-1", "+$z = 1 - 2x$", "-$z = 1 + 2x$");
  check("5", "+$x = 2 + 3 = 5$", "+$5 = x$");
  check("$-2 \\le x \\le 7$", "+$x \\in [-2, 7]$", "+$7 \\ge x \\ge -2$", "-$(-2, 7)$");
  check("$[-2, 7]$", "-$-2 \\le x \\le 7$");
  check("$x > 1$", "+$2x > 2$", "-$-x > -1$", "+$(1, \\infty)$", "-$(-\\infty, 1)$");
  check("4", "-$4\\sqrt2$");
});

Deno.test("answers: words and choices", () => {
  check("$\\text{Yes}$", "+\\boxed{yes}", "+The answer is yes.", "-The answer is no.");
  check("B", "+Answer: **B**", "+\\boxed{\\text{(B)}}", "-The answer is (C).", "-\\boxed{b + 1}");
});

Deno.test("answers: where they stand", () => {
  check(
    "7",
    "+<answer>\n7\n</answer> and 8",
    "-<answer>8</answer> 7",
    "+First $8$. The answer is $7$. Bye 9.",
  );
  check("7", "-\\boxed{3} then \\boxed{7}", "+\\boxed{7} again \\boxed{7}", "-\\boxed{7", "-");
  check("9", "+\\( (9) \\)", "+$9$");
  check("34", "+Final Answer: The largest $n$ is 34.", "+The answer: 30 + 4 = 34, from 2 parts");
  assertEquals(verifyAnswer("7", "7 apples", { places: "latex" }), false);
  assertEquals(verifyAnswer("7", "so \\boxed{7}", { places: "latex" }), true);
  assertEquals(verifyAnswer("7", "The answer is $7$", { places: "latex" }), true);
  assertEquals(verifyAnswer("7", "Then $7$", { places: "latex" }), false);
  assertEquals(verifyAnswer("7", "The answer is $\n7$", { places: "latex" }), false);
  assertEquals(verifyAnswer("", "7"), null);
  assertEquals(verifyAnswer("There is no number in it", "7"), null);
});

Deno.test("answers: a pair takes bounded time, whatever a model writes", () => {
  const hostile = [
    "[".repeat(5000) + "1" + "]".repeat(5000),
    "$" + "[".repeat(12) + "1" + "]".repeat(12) + "$",
    "$" + "[".repeat(22) + "1" + "]".repeat(22) + "$",
    "$x" + "[".repeat(40) + "1" + "]".repeat(40) + "$",
    "\\boxed{" + "|".repeat(12) + "}",
    // Took other parsers minutes.
    "$3.5*[(x\\ln\\left(\\lim_(\\int1\\overline\\pi\\binom)]-(3.5\\sin$",
    "$" + "(".repeat(400) + "$",
    "$" + "\\sqrt[".repeat(90) + "$",
    "$" + "\\sin^".repeat(180) + "$",
    "$" + "\\begin{pmatrix}".repeat(50) + "$",
    "$" + "-".repeat(900) + "1$",
    "\\boxed{" + "|".repeat(60) + "}",
    "\\boxed{".repeat(3000),
    "\\boxed{" + "{".repeat(200) + "}".repeat(200) + "}",
    "\\boxed{9^{9^{9^{9^9}}}}",
    "\\boxed{1000000!}",
    "\\boxed{2^{100000000000}}",
    "\\boxed{\\binom{100000}{50000}}",
    "$".repeat(20_000),
    "\\(".repeat(10_000),
    "answer ".repeat(4000) + "$7$",
    "1,".repeat(10_000),
    "1 ".repeat(10_000),
    "1+".repeat(10_000),
    "((1".repeat(6000),
    "-".repeat(20_000),
    "\\pm".repeat(400) + "1",
    "\\boxed{" + "\\pm 1,".repeat(60) + "1}",
    "\\text{".repeat(3000),
    " ".repeat(20_000) + "percent",
    "<answer>".repeat(3000) + "</answer>",
    "\\boxed{" + "x+".repeat(240) + "1}",
    "\\boxed{" + "\\frac{".repeat(60) + "1" + "}{2}".repeat(60) + "}",
  ];
  for (const text of hostile) {
    for (const [gold, prediction] of [["7", text], [text, "7"], [text, text]]) {
      const begin = performance.now();
      verifyAnswer(gold, prediction);
      const took = performance.now() - begin;
      assert(took < 2000, `${took} ms for ${text.slice(0, 40)}`);
    }
  }
});
