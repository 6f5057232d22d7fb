/** LaTeX to expressions: precedence, scripts, functions, what is no formula. Values are tested beside. */
import { assertEquals } from "@std/assert";
import type { Expression } from "./expression.ts";
import { parseLatex } from "./parse_latex.ts";

/** An expression in Lisp's way, undefined for none. */
function shown(expression: Expression | undefined): string | undefined {
  if (expression?.kind === "number") return expression.literal;
  if (expression?.kind !== "call") return expression?.name;
  return `(${[expression.operator, ...expression.operands.map(shown)].join(" ")})`;
}

const CASES: readonly (readonly [latex: string, expression: string])[] = [
  ["1+2-3", "(Subtract (Add 1 2) 3)"],
  ["-2^2", "(Negate (Power 2 2))"],
  ["2\\cdot-3", "(Multiply 2 (Negate 3))"],
  ["1/2x", "(Divide 1 (Multiply 2 x))"],
  ["a/b/c", "(Divide (Divide a b) c)"],
  ["2(x+1)", "(Multiply 2 (Add x 1))"],
  ["\\frac12", "(Divide 1 2)"],
  ["\\frac{a}b", "(Divide a b)"],
  ["3\\frac{1}{2}", "(Add 3 (Divide 1 2))"],
  ["3\\frac{x}{2}", "(Multiply 3 (Divide x 2))"],
  ["2^{10}", "(Power 2 10)"],
  ["2^10", "(Power 2 10)"],
  ["x^{-1}", "(Power x (Negate 1))"],
  ["x^-1", "(Power x (Negate 1))"],
  ["2^{3^4}", "(Power 2 (Power 3 4))"],
  ["x_{12} y_1", "(Multiply x_12 y_1)"],
  ["\\sqrt5", "(Sqrt 5)"],
  ["\\sqrt[3]{8}", "(Root 8 3)"],
  ["|x||y|", "(Multiply (Abs x) (Abs y))"],
  ["|{-3}|", "(Abs (Negate 3))"],
  ["|(|x|)+1|", "(Abs (Add (Abs x) 1))"],
  ["\\lfloor x \\rfloor", "(Floor x)"],
  ["\\sin 2x \\cos y", "(Multiply (Sin (Multiply 2 x)) (Cos y))"],
  ["\\sin^2 x", "(Power (Sin x) 2)"],
  ["\\sin^{-1} x", "(Arcsin x)"],
  ["\\sin(30^\\circ)", "(Sin (Degrees 30))"],
  ["\\sin x/2", "(Divide (Sin x) 2)"],
  ["\\log_2 8", "(Log 8 2)"],
  ["\\log_{10}(x)", "(Log x 10)"],
  ["\\ln|x|", "(Ln (Abs x))"],
  ["n!", "(Factorial n)"],
  ["\\binom52", "(Binomial 5 2)"],
  ["\\max(1, 2)", "(Max 1 2)"],
  ["\\operatorname{lcm}(4, 6)", "(LCM 4 6)"],
  ["\\vec{a}", "vec_a"],
  ["\\mathrm{e}^x", "(Power e x)"],
  ["2\\pi r", "(Multiply 2 Pi r)"],
  ["0.\\overline{3}", "0.(3)"],
  ["1.5e3", "1.5e3"],
  ["7.", "7"],
  [
    "\\begin{pmatrix}1 & -x\\\\3 & 4\\end{pmatrix}",
    "(Matrix (List (List 1 (Negate x)) (List 3 4)))",
  ],
];

Deno.test("parseLatex: precedence, scripts, functions", () => {
  for (const [latex, wanted] of CASES) assertEquals(shown(parseLatex(latex)), wanted, latex);
});

Deno.test("parseLatex: what is no formula", () => {
  const none = [
    "",
    "+",
    "1+",
    "(1",
    "1)",
    "\\frac{1}{",
    "\\frac123",
    "x'",
    "1,2",
    "x=1",
    "\\int x dx",
  ];
  const more = [
    "\\sum_{n=1}^3 n",
    "\\text{cm}",
    "n!!",
    "|x",
    "\\unknown",
    "x_",
    "^2",
    "5\\%",
    "\\{1\\}",
  ];
  for (
    const latex of [...none, ...more, "1+".repeat(600) + "1", "(".repeat(60) + "1" + ")".repeat(60)]
  ) {
    assertEquals(parseLatex(latex), undefined, latex);
  }
});
